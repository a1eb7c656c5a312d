import { once } from "node:events";
import { Session, type HeapProfiler } from "node:inspector";
import { setImmediate } from "node:timers/promises";
import { createHub, PreparedMessage, Upgrader, type Connection, type ConnectionError, type Hub } from "@upwire/core";
import { describe, expect, it } from "vitest";
import { FakeClock } from "../helpers/fake-clock.ts";
import { serve, textOf } from "../helpers/served.ts";
import { openClient, readAll, transports } from "../helpers/transports.ts";
import { openSocket, read } from "../helpers/wire-clients.ts";

/** A Blob that is read when a test says so. */
class LateBlob extends Blob {
  arrive = (): void => {};

  override arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise((resolve) => (this.arrive = () => resolve(super.arrayBuffer())));
  }
}

async function turns(count = 4): Promise<void> {
  for (let turn = 0; turn < count; turn++) await setImmediate();
}

describe.each(Object.keys(transports))("what was taken before close(), on %s,", (transport) => {
  it("arrives before the close frame: a Blob, and what is behind it (E2)", async () => {
    const client = await openClient(transport, {});
    const { connection } = client;
    const blob = new LateBlob(["blob"]);
    expect([connection.send("first"), connection.send(blob), connection.send("behind")]).toEqual([true, true, true]);
    connection.close(1000);
    expect([connection.state, connection.send("too late")]).toEqual(["closing", false]);
    await turns();
    blob.arrive();
    await turns();
    expect(await readAll(client)).toEqual(["first", "blob", "behind", "close"]);
  });

  it("arrives before the close frame: the rest of a message that is being written (E2)", async () => {
    const client = await openClient(transport, {});
    const { connection } = client;
    const writer = connection.createWriter("text");
    writer.write("written ");
    expect(connection.send("behind")).toBe(true);
    connection.close(1000);
    await turns();
    writer.end("to the end");
    await once(writer, "finish");
    expect(await readAll(client)).toEqual(["written to the end", "behind", "close"]);
  });

  it("is waited for during closeTimeoutMs, and the answer to the close frame as long again (E2)", async () => {
    const clock = new FakeClock();
    const client = await openClient(transport, { clock, closeTimeoutMs: 5000 });
    const { connection } = client;
    const missed: string[] = [];
    connection.send("first");
    connection.send(new LateBlob(["never"]), { missed: () => missed.push("blob") });
    connection.send("behind", { missed: () => missed.push("behind") });
    connection.close(1000);
    await turns();
    clock.advance(4000);
    await turns();
    expect(await readAll(client)).toEqual(["first"]);
    clock.advance(2000);
    await turns();
    expect(await readAll(client)).toEqual(["first", "close"]);
    expect(missed).toEqual(["blob", "behind"]);
    clock.advance(6000);
    expect(await connection.closed).toMatchObject({ code: 1000, wasClean: false });
  });

  it("does not hold half a message that another one follows, when its writer never ends (E2)", async () => {
    const clock = new FakeClock();
    const client = await openClient(transport, { clock, closeTimeoutMs: 5000 });
    const { connection, peer } = client;
    const writer = connection.createWriter("text");
    writer.write("half");
    connection.send("behind");
    connection.close(1000);
    await turns();
    clock.advance(6000);
    await turns();
    const opcodes = peer.written.flatMap((bytes) => [...bytes]);
    // A first fragment of 4 bytes, and the close frame.
    expect(opcodes.slice(0, 2)).toEqual([0x01, 4]);
    expect(opcodes.slice(6, 8)).toEqual([0x88, 2]);
    expect(opcodes).toHaveLength(10);
    expect(writer.destroyed).toBe(true);
    expect(await readAll(client)).toEqual(["close"]);
  });

  it("is given up when the client closes meanwhile (E2)", async () => {
    const client = await openClient(transport, {});
    const { connection, peer } = client;
    const missed: string[] = [];
    connection.send("first");
    connection.send(new LateBlob(["never"]), { missed: () => missed.push("blob") });
    connection.close(1000);
    await turns();
    peer.close();
    await turns();
    peer.end();
    await connection.closed;
    await turns();
    expect(missed).toEqual(["blob"]);
  });
});

type End = (connection: Connection, hub: Hub, served: Awaited<ReturnType<typeof serve>>) => unknown;

const ends: Readonly<Record<string, End>> = {
  "connection.close": (connection) => connection.close(),
  "hub.close": (_connection, hub) => hub.close(),
  "attachment.close": (_connection, _hub, { attachment }) => attachment.close(),
  "attachment.shutdown": (_connection, _hub, { attachment }) => attachment.shutdown({ spreadMs: 0 }),
  "server.close": (_connection, _hub, { server }) => server.close(),
};

it.each(Object.keys(ends))("what was taken arrives before the close frame of %s (E2)", async (end) => {
  const hub = createHub();
  const served = await serve({ open: (connection) => hub.add(connection) });
  const client = await served.client();
  const connection = await served.nextConnection();
  const got: string[] = [];
  client.on("message", (data) => got.push(textOf(data)));
  const gone = once(client, "close");
  const blob = new LateBlob(["blob"]);
  connection.send("first");
  connection.send(blob);
  connection.send("behind");
  void ends[end]?.(connection, hub, served);
  await turns();
  blob.arrive();
  await gone;
  expect(got).toEqual(["first", "blob", "behind"]);
});

describe.each(Object.keys(transports))("a message that does not become complete, on %s,", (transport) => {
  it.each(["a Blob", "a writer", "a writer that has begun"])("ends the connection after messageTimeoutMs: %s (E3)", async (what) => {
    const clock = new FakeClock();
    const errors: ConnectionError[] = [];
    const missed: string[] = [];
    const client = await openClient(transport, { clock, messageTimeoutMs: 30_000 }, { error: (_connection, error) => void errors.push(error) });
    const { connection, upgrader } = client;
    if (what === "a Blob") connection.send(new LateBlob(["never"]));
    else {
      const writer = connection.createWriter("text");
      if (what !== "a writer") writer.write("begun");
    }
    connection.send("behind", { missed: () => missed.push("behind") });
    await turns();
    clock.advance(29_000);
    await turns();
    expect(connection.isOpen).toBe(true);
    for (let waited = 0; waited < 16 && connection.isOpen; waited++) clock.advance(1000);
    await turns();
    expect(errors.map(({ code, closeCode }) => [code, closeCode])).toEqual([["ERR_WRITER_ABORTED", 1011]]);
    expect(upgrader.stats.ended).toEqual({ ERR_WRITER_ABORTED: 1 });
    expect(await readAll(client)).toEqual(["close"]);
    expect(missed).toEqual(["behind"]);
  });

  it("has all the time that it needs as long as its writer goes on, and as the client takes nothing (E3)", async () => {
    const clock = new FakeClock();
    const client = await openClient(transport, { clock, messageTimeoutMs: 30_000 });
    const { connection, peer } = client;
    const writer = connection.createWriter("text");
    for (let part = 0; part < 8; part++) {
      writer.write(`${part}`);
      await turns();
      clock.advance(20_000);
    }
    peer.isTaking = false;
    writer.write("stalled ".repeat(3000));
    await turns();
    for (let waited = 0; waited < 10; waited++) clock.advance(20_000);
    expect(connection.isOpen).toBe(true);
    peer.isTaking = true;
    await turns();
    clock.advance(20_000);
    writer.end();
    await turns();
    expect(await readAll(client)).toEqual([`01234567${"stalled ".repeat(3000)}`]);
    expect(connection.isOpen).toBe(true);
  });
});

describe("a queue", () => {
  it("drops the oldest in the same time, however many wait (E7)", async () => {
    /** Nanoseconds of each `send` to a full queue. */
    const cost = async (maxQueueMessages: number): Promise<number> => {
      const upgrader = new Upgrader({ slowConsumer: "drop-oldest", maxQueueBytes: 1_000_000_000, maxQueueMessages, pingIntervalMs: 0 });
      const { connection, socket } = await openSocket(upgrader, undefined);
      socket.isTaking = false;
      // Too long to be packed, so that each is an item of its own.
      const message = new PreparedMessage("x".repeat(1024));
      connection.send(message);
      await turns();
      for (let sent = 0; sent < maxQueueMessages; sent++) connection.send(message);
      let best = Infinity;
      for (let round = 0; round < 5; round++) {
        const before = upgrader.stats.dropped;
        const startedAt = process.hrtime.bigint();
        for (let sent = 0; sent < 2000; sent++) connection.send(message);
        best = Math.min(best, Number(process.hrtime.bigint() - startedAt) / 2000);
        expect(upgrader.stats.dropped - before).toBe(2000);
      }
      socket.destroy();
      return best;
    };
    const few = await cost(2000);
    expect(await cost(100_000)).toBeLessThan(10 * few + 2000);
  });

  it("is read without making anything: bufferedBytes of each connection (E8)", async () => {
    const upgrader = new Upgrader({ pingIntervalMs: 0 });
    const clients = await Promise.all(Array.from({ length: 1000 }, () => openSocket(upgrader, undefined)));
    const sumOf = (some: typeof clients): number => some.reduce((sum, { connection }) => sum + connection.bufferedBytes, 0);
    // What the engine of JavaScript makes once for this code is no matter.
    const warm = clients.splice(0, 1);
    for (let round = 0; round < 1000; round++) expect(sumOf(warm)).toBe(0);
    const session = new Session();
    session.connect();
    session.post("HeapProfiler.enable");
    const madeBySum = (): number => {
      session.post("HeapProfiler.startSampling", { samplingInterval: 1 });
      const sum = sumOf(clients);
      let made = 0;
      const add = ({ selfSize, children }: HeapProfiler.SamplingHeapProfileNode): void => {
        made += selfSize;
        for (const child of children) add(child);
      };
      session.post("HeapProfiler.stopSampling", (_error, { profile }) => add(profile.head));
      expect(sum).toBe(0);
      return made;
    };
    // The least: the engine may compile this code in the middle of one.
    const made = Math.min(...Array.from({ length: 5 }, madeBySum));
    session.disconnect();
    // A few objects of the profiler itself.
    expect(made / clients.length).toBeLessThan(30);
    for (const { socket } of [...warm, ...clients]) socket.destroy();
  });

  const replies: Readonly<Record<string, (connection: Connection) => unknown>> = {
    text: (connection) => connection.send("reply"),
    bytes: (connection) => connection.send(Buffer.from("reply")),
    "an ArrayBuffer": (connection) => connection.send(new Uint8Array([1, 2]).buffer),
    "a compressed message": (connection) => connection.send("reply ".repeat(100)),
    "compressed bytes": (connection) => connection.send(Buffer.from("reply ".repeat(100))),
    "a prepared message": (connection) => connection.send(new PreparedMessage("reply")),
    "a long prepared message": (connection) => connection.send(new PreparedMessage(Buffer.alloc(10_000))),
    "a ping": (connection) => connection.ping("data"),
    "a fragment": (connection) => connection.createWriter("text").write("fragment"),
    "a close frame": (connection) => connection.close(),
  };

  it.each(Object.keys(replies))("is written at the end of the turn for %s, while messages to many are gathered (E9)", async (reply) => {
    const hub = createHub();
    const upgrader = new Upgrader({ compression: { thresholdBytes: 100 }, clock: new FakeClock() });
    const [one, other] = [await openSocket(upgrader, "permessage-deflate"), await openSocket(upgrader, undefined)];
    hub.add(other.connection);
    for (let turn = 0; turn < 5; turn++) {
      hub.broadcast("to many");
      if (turn === 2) replies[reply]?.(one.connection);
      await setImmediate();
      // Of a writer, `write` comes a tick later.
      expect(one.socket.written.length).toBe(turn < 2 ? 0 : 1);
      expect(other.socket.written.length).toBe(0);
    }
    await turns();
    expect(read(other)).toEqual(Array.from({ length: 5 }, () => "to many"));
    for (const { socket } of [one, other]) socket.destroy();
  });

  it("keeps the order of a reply and of what it was sent with others before", async () => {
    const hub = createHub();
    const upgrader = new Upgrader({});
    const clients = [await openSocket(upgrader, undefined), await openSocket(upgrader, undefined)];
    for (const { connection } of clients) hub.add(connection);
    hub.broadcast("to many");
    clients[0]?.connection.send("reply");
    await setImmediate();
    expect(clients.map((client) => read(client))).toEqual([["to many", "reply"], []]);
    await turns();
    expect(clients.map((client) => read(client))).toEqual([["to many", "reply"], ["to many"]]);
    for (const { socket } of clients) socket.destroy();
  });
});
