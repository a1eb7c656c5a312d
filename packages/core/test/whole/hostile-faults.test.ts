import type { ConnectionHandler } from "@upwire/core";
import { setImmediate as turn } from "node:timers/promises";
import { expect, it, onTestFinished } from "vitest";
import { serve } from "../helpers/served.ts";

/** Every question to it throws. */
function revoked(): object {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function uncaught(): unknown[] {
  const faults: unknown[] = [];
  const note = (error: unknown): void => void faults.push(error);
  process.on("uncaughtException", note).on("unhandledRejection", note);
  onTestFinished(() => void process.off("uncaughtException", note).off("unhandledRejection", note));
  return faults;
}

it.each(["open", "message", "close", "ping"] as const)("closes its own connection when %s throws what cannot be looked at", async (name) => {
  const faults = uncaught();
  for (const isAsync of [false, true]) {
    const told: unknown[] = [];
    const fail = (): Promise<never> => {
      if (isAsync) return Promise.reject(revoked());
      // oxlint-disable-next-line no-throw-literal -- that is the fault
      throw revoked();
    };
    const handler: ConnectionHandler = { [name]: fail };
    const served = await serve(handler, { maxConnections: 1, onError: () => void told.push(name) });
    const client = await served.client();
    const closed = new Promise((resolve) => client.once("close", resolve));
    client.send("hi");
    client.ping();
    if (name === "close") client.close(1000);
    expect(await closed).toBe(name === "close" ? 1000 : 1011);
    await turn();
    expect([served.attachment.count, told]).toEqual([0, [name]]);
    // Its slot is free.
    (await served.client()).terminate();
  }
  await turn();
  expect(faults).toEqual([]);
});
