import { onEvent, type ConnectionHandler } from "@upwire/core";
import { afterEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { closing, serve } from "../helpers/served.ts";

afterEach(() => {
  vi.restoreAllMocks();
});

const FAULT = new Error("a bug in a handler");
const faulty: ConnectionHandler = {
  message(): void {
    throw FAULT;
  },
};

describe("an error of the application's own code", () => {
  it("is written to stderr where there is no onError", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => {});
    const served = await serve(faulty);
    const one = await served.client();
    one.send("x");
    expect((await closing(one)).code).toBe(1011);
    expect(written.mock.calls).toEqual([["upwire:", FAULT]]);
  });

  it("ends the connection and nothing else where onError fails too, and the channel has it all the same", async () => {
    const written = vi.spyOn(console, "error").mockImplementation(() => {});
    const told: unknown[] = [];
    onTestFinished(onEvent("upwire:error", ({ error }) => void told.push(error)));
    const served = await serve(faulty, {
      onError: () => {
        throw new Error("a bug in onError");
      },
    });
    const [one, two] = [await served.client(), await served.client()];
    one.send("x");
    expect((await closing(one)).code).toBe(1011);
    expect([two.readyState, told, written.mock.calls]).toEqual([two.OPEN, [FAULT], []]);
  });
});
