import { createHub, type Connection, type ConnectionHandler, type Hub } from "@upwire/core";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { WebSocket } from "ws";
import { runs } from "../helpers/property.ts";
import { closing, nextMessage, serve, textOf } from "../helpers/served.ts";
import { StandIn } from "../helpers/stand-in.ts";

interface Crowd {
  readonly hub: Hub;
  readonly clients: WebSocket[];
  readonly connections: Connection[];
}

async function crowd(size: number, handler: (hub: Hub) => ConnectionHandler = () => ({})): Promise<Crowd> {
  const hub = createHub();
  const served = await serve({ open: (connection) => hub.add(connection), ...handler(hub) });
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
    const room = hub.room("r");
    expect([room.add(a), room.add(b)]).toEqual([true, true]);
    const got = texts(clients);
    expect(hub.broadcast("1", { except: a })).toBe(2);
    expect(room.broadcast("2", { except: [b] })).toBe(1);
    expect(await got).toEqual(["2", "1", "1"]);
    expect(hub.broadcast("3", { filter: (connection) => connection === c })).toBe(1);
    expect(hub.room("nobody").broadcast("4")).toBe(0);
    expect(hub.rooms()).toEqual(["r"]);
    expect(hub.roomsOf(a)).toEqual(["r"]);
    expect([room.delete(a), room.delete(b), room.delete(b)]).toEqual([true, true, false]);
    expect(hub.rooms()).toEqual([]);
  });

  it("sends to one connection and to all connections of a user", async () => {
    const { hub, clients, connections } = await crowd(3);
    const [a, b, c] = connections as [Connection, Connection, Connection];
    const ann = hub.user("ann");
    ann.add(a);
    ann.add(b);
    const got = texts(clients);
    expect([ann.size, [...ann], ann.broadcast("for ann")]).toEqual([2, [a, b], 2]);
    expect(hub.get(c.id)?.send("for c")).toBe(true);
    expect(await got).toEqual(["for ann", "for ann", "for c"]);
    expect(hub.get("nobody")).toBe(undefined);
    expect(hub.user("nobody").broadcast("x")).toBe(0);
  });

  it("ends all connections of a user and no other", async () => {
    const { hub, clients, connections } = await crowd(3);
    for (const connection of connections.slice(0, 2)) hub.user("ann").add(connection);
    const codes = Promise.all(clients.slice(0, 2).map(closing));
    await hub.user("ann").close({ code: 4000, reason: "signed out" });
    expect(await codes).toEqual([
      { code: 4000, reason: "signed out" },
      { code: 4000, reason: "signed out" },
    ]);
    expect([hub.size, hub.user("ann").size, [...hub]]).toEqual([1, 0, connections.slice(2)]);
  });

  it("forgets a connection that closes, with its rooms and user", async () => {
    const { hub, clients, connections } = await crowd(2);
    const [a, b] = connections as [Connection, Connection];
    hub.room("r").add(a);
    hub.user("ann").add(a);
    clients[0]?.terminate();
    await a.closed;
    expect([hub.size, hub.room("r").size, [...hub], hub.get(a.id)]).toEqual([1, 0, [b], undefined]);
    expect(hub.user("ann").broadcast("x")).toBe(0);
    expect([hub.room("r").add(a), hub.add(a), hub.user("ann").add(a)]).toEqual([false, false, false]);
    expect([hub.size, hub.room("r").size]).toEqual([1, 0]);
  });

  it.each(["at once", "late, since open had not settled"])("still tells in close which rooms a connection was in, when it runs %s", async (when) => {
    const told: unknown[] = [];
    let opened = (): void => {};
    const isTold = new Promise<void>((done) => {
      void crowd(1, (hub) => ({
        open(connection) {
          for (const room of ["r", "s", "t"]) hub.room(room).add(connection);
          hub.room("s").delete(connection);
          hub.user("ann").add(connection);
          connection.onClose(() => setImmediate(() => opened()));
          return when === "at once" ? undefined : new Promise<void>((resolve) => (opened = resolve));
        },
        close(connection) {
          told.push(hub.roomsOf(connection), hub.rooms(), hub.size, hub.has(connection), hub.room("r").broadcast("x"), hub.delete(connection));
          done();
        },
      })).then(({ clients }) => clients[0]?.close());
    });
    await isTold;
    expect(told).toEqual([["r", "t"], [], 0, false, 0, false]);
  });

  it("a handle stays the room's, also when that empties and is filled through another", () => {
    const hub = createHub();
    const [a, b] = [new StandIn("a"), new StandIn("b")];
    const early = hub.room("r");
    early.add(a.connection);
    const late = hub.room("r");
    expect([early.size, late.size]).toEqual([1, 1]);
    early.delete(a.connection);
    expect(late.size).toBe(0);
    late.add(b.connection);
    expect([early.size, early.has(b.connection), early.broadcast("x"), hub.rooms()]).toEqual([1, true, 1, ["r"]]);
    b.end();
    expect([early.size, late.size, hub.rooms()]).toEqual([0, 0, []]);
    expect(early.add(a.connection)).toBe(true);
    expect(hub.roomsOf(a.connection)).toEqual(["r"]);
  });

  it("keeps the order of private sends and broadcasts of one turn", async () => {
    const { hub, clients, connections } = await crowd(2);
    const all = Promise.all(
      clients.map(
        (client) =>
          new Promise<string[]>((resolve) => {
            const got: string[] = [];
            client.on("message", (data) => (textOf(data) === "end" ? resolve(got) : void got.push(textOf(data))));
          }),
      ),
    );
    hub.broadcast("1");
    connections[0]?.send("2a");
    hub.broadcast("3", { except: connections[1] });
    connections[1]?.send("4b");
    hub.broadcast("end");
    expect(await all).toEqual([
      ["1", "2a", "3"],
      ["1", "4b"],
    ]);
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
    /** @returns who gets the text. */
    type Step = (text: string) => (i: number) => boolean;
    const who = fc.nat(3);
    const step: fc.Arbitrary<Step | "turn"> = fc.oneof(
      fc.constant((text: string) => {
        hub.broadcast(text);
        return () => true;
      }),
      who.map((one) => (text: string) => {
        connections[one]?.send(text);
        return (i: number) => i === one;
      }),
      who.map((one) => (text: string) => {
        hub.broadcast(text, { except: connections[one] });
        return (i: number) => i !== one;
      }),
      who.map((one) => (text: string) => {
        const room = hub.room("r");
        const [connection] = connections.slice(one);
        if (connection !== undefined) room.add(connection);
        room.broadcast(text);
        const members = [...room].map((member) => connections.indexOf(member));
        return (i: number) => members.includes(i);
      }),
      fc.constant("turn" as const),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 60 }), async (steps) => {
        const expected: string[][] = clients.map(() => []);
        for (const heardBy of heard) heardBy.length = 0;
        for (const [number, play] of steps.entries()) {
          if (play === "turn") {
            await new Promise((turn) => setImmediate(turn));
            continue;
          }
          const gets = play(`m${number}`);
          for (const [i, list] of expected.entries()) if (gets(i)) list.push(`m${number}`);
        }
        const done = Promise.all(
          clients.map(
            (_, i) =>
              new Promise<void>((resolve) => {
                ends[i] = resolve;
              }),
          ),
        );
        hub.broadcast("end");
        await done;
        expect(heard).toEqual(expected);
      }),
      runs(100),
    );
  });

  it("tells how many it has of what, and what waits for them", async () => {
    const { hub, clients, connections } = await crowd(2);
    const [ann, bob] = connections;
    if (ann === undefined || bob === undefined) throw new Error("two were asked for");
    hub.room("tea").add(ann);
    hub.user("u7").add(bob);
    hub.room("x".repeat(300)).add(bob);
    hub.broadcast("waits until the turn is over");
    const { queuedBytes, ...counts } = hub.stats;
    expect(counts).toEqual({ connections: 2, rooms: 1, users: 1, refusedJoins: 1 });
    expect(queuedBytes).toBe(connections.reduce((sum, { bufferedBytes }) => sum + bufferedBytes, 0));
    expect(queuedBytes).toBe(2 * (2 + "waits until the turn is over".length));
    await Promise.all(clients.map(nextMessage));
    expect(hub.stats.queuedBytes).toBe(0);
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
    expect(hub.size).toBe(0);
  });

  it("refuses what is no name, no connection and no format", () => {
    const hub = createHub();
    expect(() => hub.room(7 as never)).toThrow("hub.room: a number is no name; give a string");
    expect(() => hub.user(undefined as never)).toThrow(TypeError);
    expect(() => hub.add({} as never)).toThrow("add: an object is no connection; give the one that a hook of a handler got");
    expect(() => hub.add(new StandIn("a").connection, { format: 1 as never })).toThrow('add: format: 1 is not allowed; give a string such as "json"');
    expect(() => hub.broadcast("x", { room: "r" } as never)).toThrow('broadcast: there is no option "room"');
    expect(() => createHub({ onJoin: 5 as never })).toThrow("createHub: onJoin: 5 is not allowed; give a function");
    expect(() => createHub({ onjoin: () => {} } as never)).toThrow('write "onJoin"');
  });
});
