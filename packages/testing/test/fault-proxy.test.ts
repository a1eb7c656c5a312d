import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import type { Clock } from "@upwire/core";
import { FaultProxy, type Faults } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";

interface Wire {
  readonly proxy: FaultProxy;
  readonly client: Socket;
  readonly server: Socket;
}

async function wire(faults: Faults, clock?: Clock): Promise<Wire> {
  const listener = createServer({ allowHalfOpen: true });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const proxy = await FaultProxy.listen({ port: (listener.address() as AddressInfo).port, faults, ...(clock ? { clock } : {}) });
  const accepted = once(listener, "connection") as Promise<[Socket]>;
  const client = connect({ port: proxy.port, host: "127.0.0.1", allowHalfOpen: true });
  const [server] = await accepted;
  for (const socket of [client, server]) socket.on("error", () => {});
  onTestFinished(async () => {
    await proxy.close();
    client.destroy();
    server.destroy();
    listener.close();
  });
  return { proxy, client, server };
}

/** Also by a reset, which `once` would reject with. */
const closed = (socket: Socket): Promise<void> => new Promise((resolve) => socket.once("close", () => resolve()));

describe("the fault proxy", () => {
  it("holds bytes back for their delay, by the clock that it was given", async () => {
    let now = 0;
    const due: (() => void)[] = [];
    const clock: Clock = {
      now: () => now,
      after(_ms, run) {
        due.push(run);
        return { cancel: () => {} };
      },
      every: () => ({ cancel: () => {} }),
    };
    const { client, server } = await wire({ toServer: { delayMs: 1000 } }, clock);
    const got = once(server, "data");
    client.write("slow");
    while (due.length === 0) await setImmediate();
    expect(server.bytesRead).toBe(0);
    now = 1000;
    for (const run of due.splice(0)) run();
    expect(String((await got)[0])).toBe("slow");
  });

  it("cuts after so many bytes, and loses nothing when it is healed", async () => {
    const { proxy, client, server } = await wire({ toServer: { cutAfterBytes: 3 } });
    const { toServer } = await proxy.nextConnection();
    let got = "";
    server.on("data", (bytes: Buffer) => {
      got += bytes.toString();
    });
    const ended = once(server, "end");
    client.end("abcdef");
    await toServer.cut();
    while (got.length < 3) await setImmediate();
    expect([got, toServer.passedBytes]).toEqual(["abc", 3]);
    proxy.set({ toServer: {} });
    await ended;
    expect(got).toBe("abcdef");
  });

  it("resets one side, and the other one learns nothing", async () => {
    const { proxy, client, server } = await wire({});
    const connection = await proxy.nextConnection();
    server.resume();
    const over = closed(server);
    connection.reset("server");
    await over;
    expect(client.destroyed).toBe(false);
  });

  it("hands on a reset, and the end of one direction", async () => {
    const { client, server } = await wire({});
    const ended = once(server, "end");
    server.resume();
    client.resume();
    client.end();
    await ended;
    const over = closed(client);
    server.resetAndDestroy();
    await over;
  });
});
