import { setImmediate } from "node:timers/promises";
import { Upgrader, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { sentTo, type TransportPeer } from "../memory/transport-peer.ts";

/** Opens a connection over the transport, with the client at its other end. */
export type OpenTransport = (upgrader: Upgrader, handler: ConnectionHandler) => Promise<{ readonly connection: Connection; readonly peer: TransportPeer }>;

interface Opened {
  readonly connection: Connection;
  readonly peer: TransportPeer;
  readonly upgrader: Upgrader;
  /** What the handler was told, in order. */
  readonly told: string[];
}

/** Longer than any of these takes. */
const MOST_TURNS = 1000;

async function until(isSo: () => boolean): Promise<void> {
  for (let turn = 0; turn < MOST_TURNS && !isSo(); turn++) await setImmediate();
  // What should not come, would come by now.
  for (let turn = 0; turn < 5; turn++) await setImmediate();
}

/** Declares what every `Transport` must do, as one `describe`: `open` makes a connection over it. */
export function describeTransport(name: string, open: OpenTransport): void {
  async function opened(options: UpgraderOptions = {}, hooks: ConnectionHandler = {}): Promise<Opened> {
    const told: string[] = [];
    const upgrader = new Upgrader({ pingIntervalMs: 0, ...options });
    const { connection, peer } = await open(upgrader, {
      message: (_connection, message) => void told.push(message.isBinary ? `binary ${message.bytes.toString("hex")}` : `text ${message.text()}`),
      ping: (_connection, data) => void told.push(`ping ${data.toString()}`),
      pong: (_connection, data) => void told.push(`pong ${data.toString()}`),
      error: (_connection, { code }) => void told.push(code),
      close: (_connection, { code, reason, wasClean }) => void told.push(`closed ${code} ${reason} ${wasClean ? "clean" : "not clean"}`),
      ...hooks,
    });
    onTestFinished(() => peer.destroy());
    return { connection, peer, upgrader, told };
  }

  const isClosed = ({ connection }: Opened): boolean => connection.state === "closed";

  describe(`the transport: ${name}`, () => {
    it("carries messages both ways, in order, of every length field", async () => {
      const one = await opened();
      const lengths = [0, 1, 125, 126, 65_535, 65_536];
      for (const length of lengths) {
        one.connection.send("t".repeat(length));
        one.connection.send(Buffer.alloc(length, 1));
        one.peer.text("t".repeat(length));
        one.peer.binary(Buffer.alloc(length, 1));
      }
      const all = lengths.flatMap((length) => [`text ${"t".repeat(length)}`, `binary ${"01".repeat(length)}`]);
      await until(() => one.told.length === all.length && sentTo(one.peer).length === all.length);
      expect(one.told).toEqual(all);
      expect(sentTo(one.peer)).toEqual(all);
      expect(one.connection.bufferedBytes).toBe(0);
    });

    it("answers pings, and tells of pings and pongs", async () => {
      const one = await opened();
      one.peer.ping("a");
      one.peer.pong("b");
      one.connection.ping("c");
      await until(() => one.told.length === 2 && sentTo(one.peer).length === 2);
      expect(one.told).toEqual(["ping a", "pong b"]);
      expect(sentTo(one.peer).toSorted()).toEqual(["ping c", "pong a"]);
    });

    it("gives whole messages to a handler that takes streams, the next one when one is read", async () => {
      const got: string[] = [];
      const one = await opened(
        {},
        {
          message: undefined as never,
          async stream(_connection, { readable, isBinary }) {
            const chunks: Uint8Array[] = [];
            for await (const chunk of readable) chunks.push(chunk);
            got.push(`${isBinary ? "binary" : "text"} ${Buffer.concat(chunks).toString()}`);
          },
        },
      );
      one.peer.text("one");
      one.peer.binary(Buffer.from("two"));
      await until(() => got.length === 2);
      expect(got).toEqual(["text one", "binary two"]);
    });

    it("holds the client back while paused, and goes on in order", async () => {
      const one = await opened();
      one.connection.pause();
      for (let i = 0; i < 50; i++) one.peer.text(`${i}`);
      await until(() => one.told.length > 0 || one.peer.isPaused);
      expect([one.told, one.peer.isPaused]).toEqual([[], true]);
      one.connection.resume();
      await until(() => one.told.length === 50);
      expect(one.told).toEqual(Array.from({ length: 50 }, (_, i) => `text ${i}`));
      expect(one.peer.isPaused).toBe(false);
    });

    it("delivers nothing more from the moment that a hook pauses", async () => {
      const got: string[] = [];
      const one = await opened(
        {},
        {
          message(connection, message) {
            got.push(message.text());
            connection.pause();
          },
        },
      );
      for (let i = 0; i < 10; i++) one.peer.text(`${i}`);
      for (let i = 0; i < 10; i++) {
        await until(() => got.length > i);
        expect(got).toHaveLength(i + 1);
        one.connection.resume();
      }
      expect(got).toEqual(Array.from({ length: 10 }, (_, i) => `${i}`));
    });

    it("tells when a client that took nothing takes data again, and loses nothing", async () => {
      let drained = 0;
      const one = await opened({ maxQueueBytes: 1 << 22 }, { drain: () => void drained++ });
      one.peer.isTaking = false;
      const texts = Array.from({ length: 100 }, (_, i) => `${i}`.padEnd(2000, "."));
      for (const text of texts) {
        one.connection.send(text);
        await setImmediate();
      }
      expect([one.connection.bufferedBytes > 100_000, drained]).toEqual([true, 0]);
      let isWritable = false;
      const writable = one.connection.drain().then(() => (isWritable = true));
      await until(() => false);
      expect(isWritable).toBe(false);
      one.peer.isTaking = true;
      one.peer.release();
      await until(() => drained > 0);
      await writable;
      expect([sentTo(one.peer), one.connection.bufferedBytes]).toEqual([texts.map((text) => `text ${text}`), 0]);
    });

    it("ends a client that takes too little, without memory for what it does not take", async () => {
      const one = await opened({ maxQueueBytes: 100_000 });
      one.peer.isTaking = false;
      for (let i = 0; i < 200; i++) {
        one.connection.send("x".repeat(2000));
        await setImmediate();
      }
      expect(one.told).toEqual(["ERR_SLOW_CONSUMER"]);
      expect(one.connection.bufferedBytes).toBeLessThan(150_000);
    });

    it("answers the client's close frame with its code, and ends", async () => {
      const one = await opened();
      one.connection.send("first");
      await until(() => sentTo(one.peer).length === 1);
      one.peer.close(4001, "enough");
      await until(() => isClosed(one));
      expect(one.told).toEqual(["closed 4001 enough clean"]);
      expect(sentTo(one.peer).map((text) => text.slice(0, 10))).toEqual(["text first", "close 4001"]);
      expect(one.peer.isEnded).toBe(true);
    });

    it("sends our close frame behind everything, waits for the answer, and ends", async () => {
      const one = await opened();
      one.connection.send("first");
      one.connection.close(4002, "bye");
      expect(one.connection.send("too late")).toBe(false);
      await until(() => sentTo(one.peer).length === 2);
      expect(sentTo(one.peer)).toEqual(["text first", "close 4002 bye"]);
      expect([one.connection.state, one.peer.isEnded]).toEqual(["closing", false]);
      one.peer.close(4002, "bye");
      await until(() => isClosed(one));
      expect([one.told, one.peer.isEnded]).toEqual([["closed 4002 bye clean"], true]);
    });

    it.each<[string, string, (one: Opened) => void]>([
      ["the client vanishes", "closed 1006  not clean", ({ peer }) => peer.destroy()],
      ["the client ends its side", "closed 1006  not clean", ({ peer }) => peer.end()],
      ["we terminate", "closed 1006  not clean", ({ connection }) => connection.terminate()],
      [
        "the client vanishes instead of an answer",
        "closed 4003 bye not clean",
        ({ connection, peer }) => {
          connection.close(4003, "bye");
          peer.destroy();
        },
      ],
    ])("tells once, and last, that it is over when %s", async (_when, told, end) => {
      const one = await opened();
      one.peer.text("a");
      await until(() => one.told.length === 1);
      end(one);
      await until(() => isClosed(one));
      one.peer.text("too late");
      one.peer.ping("too late");
      one.connection.terminate();
      one.connection.resume();
      await until(() => false);
      expect(one.told).toEqual(["text a", told]);
      expect(one.upgrader.stats.open).toBe(0);
    });

    it.each<[string, string, number, (one: Opened) => void]>([
      ["breaks a rule", "ERR_PROTOCOL", 1002, ({ peer }) => peer.breakRule()],
      ["sends a message that is too long", "ERR_MESSAGE_TOO_BIG", 1009, ({ peer }) => peer.text("x".repeat(101))],
    ])("closes a client that %s, and hears nothing behind that", async (_what, code, closeCode, act) => {
      const one = await opened({ maxMessageBytes: 100 });
      one.connection.send("before");
      await until(() => sentTo(one.peer).length === 1);
      one.peer.text("y".repeat(100));
      act(one);
      one.peer.text("behind");
      await until(() => sentTo(one.peer).length === 2);
      one.peer.close(closeCode);
      await until(() => isClosed(one));
      expect(one.told.map((text) => text.split(" ").slice(0, 2).join(" "))).toEqual([`text ${"y".repeat(100)}`, code, `closed ${closeCode}`]);
      const [first, last] = sentTo(one.peer);
      expect([first, last?.slice(0, 10)]).toEqual(["text before", `close ${closeCode}`]);
      expect(one.peer.isEnded).toBe(true);
    });
  });
}
