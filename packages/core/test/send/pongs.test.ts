import { setImmediate } from "node:timers/promises";
import { Upgrader } from "@upwire/core";
import { encodeClientFrame, Opcode } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { readerOptions } from "../helpers/readers.ts";
import { openSocket, read } from "../helpers/wire-clients.ts";

const ping = (payload: string): Buffer => encodeClientFrame({ opcode: Opcode.ping, payload });
const numbers = (count: number): string[] => Array.from({ length: count }, (_, number) => `${number}`);

describe.each(["own", "ws"] as const)("pings in one packet, with the reader %j", (reader) => {
  it.each([
    [1, 1],
    [10, 10],
    [16, 16],
    [17, 16],
    [40, 16],
  ])("%i of them get %i pongs, in order, the newest at the end", async (pings, pongs) => {
    const upgrader = new Upgrader(readerOptions[reader]);
    const client = await openSocket(upgrader, undefined);
    client.socket.receive(Buffer.concat(numbers(pings).map(ping)));
    for (let turn = 0; turn < 3; turn++) await setImmediate();
    expect(read(client)).toEqual([...numbers(pongs).slice(0, -1), `${pings - 1}`]);
    expect(upgrader.stats.skippedPongs).toBe(pings - pongs);
    client.socket.destroy();
  });

  it("are each answered while the client takes the pongs, however many come", async () => {
    const upgrader = new Upgrader(readerOptions[reader]);
    const client = await openSocket(upgrader, undefined);
    for (const number of numbers(50)) {
      client.socket.receive(ping(number));
      for (let turn = 0; turn < 2; turn++) await setImmediate();
    }
    expect(read(client)).toEqual(numbers(50));
    expect(upgrader.stats.skippedPongs).toBe(0);
    client.socket.destroy();
  });

  it("wait for a client that takes nothing, 16 at most beside what its socket has", async () => {
    const upgrader = new Upgrader(readerOptions[reader]);
    const client = await openSocket(upgrader, undefined);
    client.socket.isTaking = false;
    client.connection.send("taken");
    await setImmediate();
    client.connection.send("x".repeat(1000));
    await setImmediate();
    for (const number of numbers(100)) {
      client.socket.receive(ping(number));
      await setImmediate();
    }
    client.socket.isTaking = true;
    for (let turn = 0; turn < 5; turn++) {
      client.socket.release();
      await setImmediate();
    }
    expect(read(client).slice(2)).toEqual([...numbers(15), "99"]);
    client.socket.destroy();
  });
});
