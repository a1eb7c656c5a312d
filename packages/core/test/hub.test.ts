import { createHub, type Connection, type Hub } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { runs } from "./property.ts";
import { closing, nextMessage, serve, textOf } from "./served.ts";

interface Crowd {
  readonly hub: Hub;
  readonly clients: WebSocket[];
  readonly connections: Connection[];
}

async function crowd(size: number): Promise<Crowd> {
  const hub = createHub();
  const served = await serve({ open: (connection) => hub.register(connection) });
  const clients: WebSocket[] = [];
  const connections: Connection[] = [];
  for (let i = 0; i < size; i++) {
    clients.push(await served.client());
    connections.push(await served.nextConnection());
  }
  return { hub, clients, connections };
}

const texts = (clients: readonly WebSocket[]): Promise<string[]> => Promise.all(clients.map(async (client) => (await nextMessage(client)).text));

describe("hub", () => {
  it("broadcasts to everyone, and says how many queues took it", async () => {
    const { hub, clients } = await crowd(3);
    const got = texts(clients);
    expect(hub.broadcast("all")).toBe(3);
    expect(await got).toEqual(["all", "all", "all"]);
  });

  it("leaves out, filters and keeps to a room", async () => {
    const { hub, clients, connections } = await crowd(3);
    const [a, b, c] = connections as [Connection, Connection, Connection];
    hub.join(a, "r");
    hub.join(b, "r");
    const got = texts(clients);
    expect(hub.broadcast("1", { except: a })).toBe(2);
    expect(hub.broadcast("2", { room: "r", except: [b] })).toBe(1);
    expect(await got).toEqual(["2", "1", "1"]);
    expect(hub.broadcast("3", { filter: (connection) => connection === c })).toBe(1);
    expect(hub.broadcast("4", { room: "nobody" })).toBe(0);
    expect(hub.rooms()).toEqual(["r"]);
    expect(hub.roomsOf(a)).toEqual(["r"]);
    hub.leave(a, "r");
    hub.leave(b, "r");
    expect(hub.rooms()).toEqual([]);
  });

  it("sends to one connection and to all connections of a user", async () => {
    const { hub, clients, connections } = await crowd(3);
    const [a, b, c] = connections as [Connection, Connection, Connection];
    hub.register(a, { userId: "ann" });
    hub.register(b, { userId: "ann" });
    const got = texts(clients);
    expect(hub.sendToUser("ann", "for ann")).toBe(2);
    expect(hub.sendTo(c.id, "for c")).toBe(true);
    expect(await got).toEqual(["for ann", "for ann", "for c"]);
    expect(hub.sendTo("nobody", "x")).toBe(false);
    expect(hub.sendToUser("nobody", "x")).toBe(0);
  });

  it("forgets a connection that closes, with its rooms and user", async () => {
    const { hub, clients, connections } = await crowd(2);
    const [a, b] = connections as [Connection, Connection];
    hub.join(a, "r");
    hub.register(a, { userId: "ann" });
    clients[0]?.terminate();
    await a.closed;
    expect([hub.count(), hub.count("r"), hub.list(), hub.get(a.id)]).toEqual([1, 0, [b], undefined]);
    expect(hub.sendToUser("ann", "x")).toBe(0);
    hub.join(a, "r");
    expect(hub.count("r")).toBe(0);
  });

  it("keeps the order of private sends and broadcasts of one turn", async () => {
    const { hub, clients, connections } = await crowd(2);
    const all = Promise.all(
      clients.map(
        (client) =>
          new Promise<string[]>((resolve) => {
            const got: string[] = [];
            client.on("message", (data) => textOf(data) === "end" ? resolve(got) : void got.push(textOf(data)));
          }),
      ),
    );
    hub.broadcast("1");
    connections[0]?.send("2a");
    hub.broadcast("3", { except: connections[1] });
    connections[1]?.send("4b");
    hub.broadcast("end");
    expect(await all).toEqual([["1", "2a", "3"], ["1", "4b"]]);
  });

  it("keeps each client's order in any mixture of turns, sends, rooms and exclusions (property)", async () => {
    const { hub, clients, connections } = await crowd(4);
    const heard: string[][] = clients.map(() => []);
    const ends: (() => void)[] = [];
    for (const [i, client] of clients.entries()) {
      client.on("message", (data) => {
        if (textOf(data) === "end") ends[i]?.();
        else heard[i]?.push(textOf(data));
      });
    }
    const step = fc.oneof(
      fc.record({ kind: fc.constant("all" as const) }),
      fc.record({ kind: fc.constant("one" as const), who: fc.nat(3) }),
      fc.record({ kind: fc.constant("except" as const), who: fc.nat(3) }),
      fc.record({ kind: fc.constant("room" as const), who: fc.nat(3) }),
      fc.record({ kind: fc.constant("turn" as const) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const expected: string[][] = clients.map(() => []);
        for (const heardBy of heard) heardBy.length = 0;
        let number = 0;
        const deliver = (text: string, to: (i: number) => boolean): void => {
          for (const [i, list] of expected.entries()) if (to(i)) list.push(text);
        };
        for (const what of steps) {
          const text = `m${number++}`;
          if (what.kind === "turn") {
            await new Promise((turn) => setImmediate(turn));
          } else if (what.kind === "all") {
            hub.broadcast(text);
            deliver(text, () => true);
          } else if (what.kind === "one") {
            connections[what.who]?.send(text);
            deliver(text, (i) => i === what.who);
          } else if (what.kind === "except") {
            hub.broadcast(text, { except: connections[what.who] });
            deliver(text, (i) => i !== what.who);
          } else {
            for (const connection of connections.slice(what.who, what.who + 1)) hub.join(connection, "r");
            hub.broadcast(text, { room: "r" });
            const members = hub.list("r").map((connection) => connections.indexOf(connection));
            deliver(text, (i) => members.includes(i));
          }
        }
        const done = Promise.all(clients.map((_, i) => new Promise<void>((resolve) => {
          ends[i] = resolve;
        })));
        hub.broadcast("end");
        await done;
        expect(heard).toEqual(expected);
      }),
      runs(100),
    );
  });

  it("closes everybody, at the latest when the grace is over", async () => {
    const { hub, clients } = await crowd(3);
    clients[2]?.pause();
    const codes = Promise.all(clients.slice(0, 2).map(closing));
    await hub.close({ code: 1012, reason: "restart", graceMs: 50 });
    expect(await codes).toEqual([
      { code: 1012, reason: "restart" },
      { code: 1012, reason: "restart" },
    ]);
    expect(hub.count()).toBe(0);
  });
});
