import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, websocket } from "@upwire/core";
import { conformanceCases, runConformance } from "@upwire/testing";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readerOptions } from "../helpers/readers.ts";

/** Groups of strict cases that `ws`'s reader, the control, fails: it waits for the end of a message. */
const groupsThatWsFails = ["utf-8: fail fast", "compression: fail fast"];

const MEBIBYTE = 1024 * 1024;
const groups = [...new Set(conformanceCases.map(({ group }) => group))];
const uncaught: unknown[] = [];
const note = (error: unknown): void => void uncaught.push(error);

function echo(reader: "own" | "ws"): ReturnType<typeof websocket> {
  return websocket(
    { message: (connection, message) => void connection.send(message) },
    // Small echoes are compressed too, so that the server's own compressed frames are judged.
    { ...readerOptions[reader], maxMessageBytes: 2 * MEBIBYTE, compression: { thresholdBytes: 16 }, onError: note },
  );
}

/** Reads each message as a stream. */
const streamed = websocket(
  {
    async stream(connection, { readable, isBinary }) {
      const chunks: Uint8Array[] = [];
      for await (const chunk of readable) chunks.push(chunk);
      const bytes = Buffer.concat(chunks);
      connection.send(isBinary ? bytes : bytes.toString());
    },
  },
  { maxStreamBytes: 2 * MEBIBYTE, compression: { thresholdBytes: 16 }, onError: note },
);

const routes: Readonly<Record<string, ReturnType<typeof websocket>>> = { "/": echo("own"), "/ws": echo("ws"), "/streamed": streamed };
const server = createServer((req, res) => void routes[req.url ?? ""]?.(req, res));
const attachment = attach(server);
let url = "";

beforeAll(async () => {
  process.on("uncaughtException", note);
  process.on("unhandledRejection", note);
  await once(server.listen(0, "127.0.0.1"), "listening");
  url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterAll(async () => {
  process.off("uncaughtException", note);
  process.off("unhandledRejection", note);
  await attachment.close({ graceMs: 100 });
  server.close();
});

describe("the wire conformance table", () => {
  it("has at least 350 cases, each with an id of its own", () => {
    expect(conformanceCases.length).toBeGreaterThanOrEqual(350);
    expect(new Set(conformanceCases.map(({ id }) => id)).size).toBe(conformanceCases.length);
  });

  for (const group of groups) {
    const cases = conformanceCases.filter((testCase) => testCase.group === group);

    // oxlint-disable-next-line vitest/valid-title -- one of the names in the table
    it(group, { timeout: 30_000 }, async () => {
      const { failing } = await runConformance(url, { cases, deflate: "require" });
      expect(failing).toEqual([]);
    });
  }

  it("is passed with permessage-deflate agreed on in every case", { timeout: 30_000 }, async () => {
    const cases = conformanceCases.filter(({ offers }) => offers === undefined);
    const { failing } = await runConformance(url, { cases, deflate: "always" });
    expect(failing).toEqual([]);
  });

  it.each(["require", "always"] as const)("is passed by a handler that takes streams, with permessage-deflate: %s", { timeout: 60_000 }, async (deflate) => {
    const cases = conformanceCases.filter(({ offers }) => deflate === "require" || offers === undefined);
    const { failing } = await runConformance(`${url}/streamed`, { cases, deflate });
    expect(failing).toEqual([]);
  });

  it("is passed with the reader of ws too, but for strict cases that it is known to fail", { timeout: 30_000 }, async () => {
    const cases = conformanceCases.filter(({ group }) => !groupsThatWsFails.includes(group));
    const { failing } = await runConformance(`${url}/ws`, { cases, deflate: "require" });
    // It takes lengths that are longer than they need be.
    expect(failing.filter(({ level, group }) => level === "must" || group !== "minimal lengths")).toEqual([]);
    expect(failing).not.toEqual([]);
  });

  it("leaves no uncaught exception, unhandled rejection or handler error behind", () => {
    expect(uncaught).toEqual([]);
  });
});
