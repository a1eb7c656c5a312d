// oxlint-disable vitest/no-standalone-expect -- judged inside the property
import { once } from "node:events";
import { setImmediate } from "node:timers/promises";
import { createHub, Upgrader, type Hub, type UpgraderOptions } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "./property.ts";
import { openSocket, read, send, settled, type OpenedSocket } from "./wire-clients.ts";

/** What the clients agreed on: nothing, compression, compression with a window of its own. Enough of them for cohorts. */
const OFFERS = [
  ...Array.from({ length: 6 }, () => undefined),
  ...Array.from({ length: 3 }, () => "permessage-deflate"),
  "permessage-deflate; server_max_window_bits=10",
];

interface Client extends OpenedSocket {
  /** Every message and ping that it has to get, in this order. */
  readonly owed: string[];
  readonly rooms: Set<string>;
}

async function connect(options: UpgraderOptions = {}): Promise<{ readonly hub: Hub; readonly clients: readonly Client[] }> {
  const hub = createHub();
  const upgrader = new Upgrader({ compression: { thresholdBytes: 16 }, ...options });
  const clients: Client[] = [];
  for (const offer of OFFERS) {
    const opened = await openSocket(upgrader, offer);
    hub.add(opened.connection);
    clients.push({ ...opened, owed: [], rooms: new Set() });
  }
  return { hub, clients };
}

const who = fc.nat(OFFERS.length - 1);
const length = fc.oneof(fc.integer({ min: 4, max: 40 }), fc.constantFrom(125, 126, 500, 3000));
const step = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({ kind: fc.constant("broadcast" as const), length, except: fc.option(who, { nil: undefined, freq: 4 }), room: fc.constantFrom(undefined, undefined, "r", "s") }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("join" as const, "leave" as const), who, room: fc.constantFrom("r", "s") }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("send" as const), who, length, as: fc.constantFrom("text", "bytes", "message", "prepared", "blob", "writer") }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("ping" as const), who }) },
  { weight: 3, arbitrary: fc.constant({ kind: "turn" as const }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constantFrom("stall" as const, "flow" as const), who }) },
);

describe("what a connection is given", () => {
  it("leaves in that order, whatever it is and whoever else gets it (property)", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
        const { hub, clients } = await connect();
        const writing = new Set<Client>();
        const writers: Promise<unknown>[] = [];
        for (const [number, what] of steps.entries()) {
          const text = "length" in what ? `${number} `.padEnd(what.length, "abc ") : "";
          const client = "who" in what ? clients[what.who] : undefined;
          if (what.kind === "broadcast") {
            const left = what.except === undefined ? undefined : clients[what.except];
            const audience = clients.filter((one) => one !== left && (what.room === undefined || one.rooms.has(what.room)));
            expect((what.room === undefined ? hub : hub.room(what.room)).broadcast(text, { except: left?.connection })).toBe(audience.length);
            for (const one of audience) one.owed.push(text);
          } else if (what.kind === "turn") {
            await setImmediate();
          } else if (client === undefined) {
            throw new Error("a step for nobody");
          } else if (what.kind === "join") {
            hub.room(what.room).add(client.connection);
            client.rooms.add(what.room);
          } else if (what.kind === "leave") {
            hub.room(what.room).delete(client.connection);
            client.rooms.delete(what.room);
          } else if (what.kind === "ping") {
            client.connection.ping(`${number}`);
            // Control frames may stand between the fragments of a message, and need not wait for a Blob.
            if (!writing.has(client)) client.owed.push(`ping ${number}`);
          } else if (what.kind === "send" && what.as === "writer") {
            if (writing.has(client)) continue;
            writing.add(client);
            client.owed.push(text);
            const writer = client.connection.createWriter("text");
            writers.push(once(writer, "close"));
            writer.write(text.slice(0, 3));
            writer.end(text.slice(3));
          } else if (what.kind === "send") {
            if (what.as === "blob") writing.add(client);
            expect(send(client.connection, what.as, text)).toBe(true);
            client.owed.push(text);
          } else {
            client.socket.isTaking = what.kind === "flow";
            if (what.kind === "flow") client.socket.release();
          }
        }
        for (const { socket } of clients) {
          socket.isTaking = true;
          socket.release();
        }
        await Promise.all(writers);
        await settled(clients);
        for (const { connection } of clients) connection.close();
        await settled(clients);
        await setImmediate();
        for (const client of clients) {
          const got = read(client);
          const compared = writing.has(client) ? got.filter((item) => !item.startsWith("ping")) : got;
          const owed = writing.has(client) ? client.owed.filter((item) => !item.startsWith("ping")) : client.owed;
          expect(compared).toEqual([...owed, "close"]);
          client.socket.destroy();
        }
      }),
      { ...runs(150), timeout: 5000 },
    );
  });

  it("reaches a client that was blocked in its order, and the others meanwhile", async () => {
    const { hub, clients } = await connect();
    const messages = ["one", "two", "three", "four ".repeat(300), "five", "six"];
    const [slow] = clients;
    for (const message of messages) {
      if (slow !== undefined) slow.socket.isTaking = !message.startsWith("four") && message !== "five";
      expect(hub.broadcast(message)).toBe(clients.length);
      for (let turn = 0; turn < 3; turn++) await setImmediate();
      const late = message.startsWith("four") || message === "five" || message === "six";
      for (const { connection } of clients) expect(connection.bufferedBytes > 0).toBe(connection === slow?.connection && late);
    }
    await settled(clients);
    for (const client of clients) {
      expect(read(client)).toEqual(messages);
      client.socket.destroy();
    }
  });

  it.each(["sends to everybody", "sends to each"])("is not lost and does not come twice when a hook %s in the middle of it", async (what) => {
    const hub = createHub();
    const upgrader = new Upgrader({ maxQueueBytes: 3000 });
    const clients: OpenedSocket[] = [];
    const error = (): void => {
      if (what === "sends to everybody") hub.broadcast("a client is slow");
      else for (const { connection } of clients) connection.send("a client is slow");
    };
    for (let i = 0; i < 12; i++) {
      const client = await openSocket(upgrader, undefined, { error });
      hub.add(client.connection);
      clients.push(client);
    }
    const slow = clients[4];
    const others = clients.filter((client) => client !== slow);
    const messages = Array.from({ length: 20 }, (_, number) => `${number} `.padEnd(400, "x"));
    for (const [number, message] of messages.entries()) {
      if (slow !== undefined) slow.socket.isTaking = number < 3;
      // Some are in a cohort when the slow one is found out, and some in none.
      for (const { connection } of clients.slice(0, 8)) connection.ping();
      hub.broadcast(message);
      await settled(others);
    }
    expect(slow?.connection.isOpen).toBe(false);
    for (const client of clients) {
      if (client !== slow) expect(read(client).filter((item) => item.endsWith("x"))).toEqual(messages);
      client.socket.destroy();
    }
  });

  it.each(["in one turn", "each in a turn of its own"])("is judged for each client by itself when its queue is full, %s", async (when) => {
    const { hub, clients } = await connect({ maxQueueBytes: 4000, slowConsumer: "drop-newest", compression: false });
    const [slow] = clients;
    const text = "x".repeat(900);
    for (let i = 0; i < 3; i++) {
      hub.broadcast("forms cohorts");
      await settled(clients);
    }
    if (slow !== undefined) slow.socket.isTaking = false;
    const taken: number[] = [];
    for (let i = 0; i < 8; i++) {
      taken.push(hub.broadcast(`${i} ${text}`));
      const turns = when === "in one turn" ? 0 : 3;
      for (let turn = 0; turn < turns; turn++) await setImmediate();
    }
    // The slow one has room for four, here or in its socket; the others are written to as soon as their queues are full.
    expect(taken).toEqual(taken.map((_, i) => clients.length - (i < 4 ? 0 : 1)));
    if (slow !== undefined) slow.socket.isTaking = true;
    await settled(clients);
    for (const client of clients) {
      const got = read(client).slice(3).map((message) => message.slice(0, 1));
      expect(got.join("")).toBe(client === slow ? "0123" : "01234567");
      client.socket.destroy();
    }
  });

  it("is one write for each client, and one block of bytes for those that get the same", async () => {
    const { hub, clients } = await connect();
    const given = clients.map(({ socket }) => {
      const blocks: unknown[] = [];
      const write = socket.write.bind(socket) as (block: unknown) => boolean;
      socket.write = (block: unknown) => {
        blocks.push(block);
        return write(block);
      };
      return blocks;
    });
    for (let i = 0; i < 5; i++) hub.broadcast(`short ${i}`);
    await settled(clients);
    expect(given.map(({ length: writes }) => writes)).toEqual(OFFERS.map(() => 1));
    // Too short to be compressed, so that all get the same.
    for (const [block] of given) expect(block).toBe(given[0]?.[0]);
    for (const { socket } of clients) socket.destroy();
  });
});
