import { createHub, type Connection } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

interface Group {
  readonly clients: readonly WireClient[];
  readonly connections: readonly Connection[];
}

/** One message for many, over whatever carries the connections. */
export function broadcasts(suite: Suite): void {
  const hub = createHub();
  const joined = new Channel<Connection>();
  const ended = new Channel<readonly string[]>();
  suite.route("/hub/:room", {
    open(connection, request) {
      hub.room(request.params["room"] ?? "").add(connection);
      joined.push(connection);
    },
    message: (connection, message) => void hub.room(hub.roomsOf(connection)[0] ?? "").broadcast(message),
  });
  suite.route("/hub-of-the-late", {
    async open(connection) {
      for (const room of ["lobby", "late"]) hub.room(room).add(connection);
      // Until its client has left: then `close` runs behind.
      await connection.closed;
    },
    close: (connection) => ended.push([...hub.roomsOf(connection), `${hub.has(connection)}`, `${hub.room("late").size}`]),
  });

  async function group(room: string, size: number): Promise<Group> {
    const clients: WireClient[] = [];
    const connections: Connection[] = [];
    while (clients.length < size) {
      clients.push(await suite.connect(`/hub/${room}`));
      connections.push(await joined.next());
    }
    return { clients, connections };
  }
  const nextTexts = async (clients: readonly WireClient[]): Promise<string[]> => Promise.all(clients.map(async (client) => (await client.nextMessage()).text));

  suite.it("sends a message of one client to all of its room, the sender included", async () => {
    const { clients } = await group("all", 5);
    clients[2]?.sendText("hello all");
    expect(await nextTexts(clients)).toEqual(Array(5).fill("hello all"));
  });

  suite.it("keeps rooms apart, and counts who took the message", async () => {
    const red = await group("red", 2);
    const blue = await group("blue", 1);
    expect(hub.room("red").broadcast("for red")).toBe(2);
    expect(hub.room("blue").broadcast("for blue")).toBe(1);
    expect(hub.room("green").broadcast("for nobody")).toBe(0);
    expect(await nextTexts([...red.clients, ...blue.clients])).toEqual(["for red", "for red", "for blue"]);
  });

  suite.it("leaves out those it is told to", async () => {
    const { clients, connections } = await group("except", 3);
    const [first, second] = connections;
    if (first === undefined || second === undefined) throw new Error("no connections");
    expect(hub.room("except").broadcast("not for the first", { except: first })).toBe(2);
    expect(hub.room("except").broadcast("for the last", { except: [first, second] })).toBe(1);
    expect(hub.room("except").broadcast("for all")).toBe(3);
    expect(await nextTexts(clients)).toEqual(["for all", "not for the first", "not for the first"]);
    expect(await nextTexts(clients.slice(1))).toEqual(["for all", "for the last"]);
  });

  suite.it("sends to one connection by its id", async () => {
    const { clients, connections } = await group("direct", 2);
    expect(hub.get(connections[1]?.id ?? "")?.send("only you")).toBe(true);
    expect(hub.get("nobody")).toBe(undefined);
    hub.room("direct").broadcast("everyone");
    expect(await nextTexts(clients)).toEqual(["everyone", "only you"]);
  });

  suite.it("keeps the order of private messages, broadcasts and pings", async () => {
    const { clients, connections } = await group("order", 2);
    connections[0]?.send("1");
    hub.room("order").broadcast("2");
    connections[0]?.send("3");
    hub.room("order").broadcast(Buffer.from("4"));
    const [first, second] = clients;
    if (first === undefined || second === undefined) throw new Error("no clients");
    for (const n of ["1", "2", "3", "4"]) expect((await first.nextMessage()).text).toBe(n);
    for (const n of ["2", "4"]) expect((await second.nextMessage()).text).toBe(n);
  });

  suite.it("still tells in close which rooms a connection was in, when open has not settled before it left", async () => {
    const client = await suite.connect("/hub-of-the-late");
    client.reset();
    expect(await ended.next()).toEqual(["lobby", "late", "false", "0"]);
  });

  suite.it("gives each member of a room one message in its own format", async () => {
    const { clients, connections } = await group("formats", 3);
    const [first] = connections;
    if (first === undefined) throw new Error("no connection");
    const room = hub.room("formats");
    expect(room.add(first, { format: "json" })).toBe(true);
    expect(room.broadcast((format) => (format === "json" ? '{"text":"hi"}' : "hi"))).toBe(3);
    expect(await nextTexts(clients)).toEqual(['{"text":"hi"}', "hi", "hi"]);
  });

  suite.it("sends to the connections of a user, and ends them", async () => {
    const { clients, connections } = await group("users", 3);
    for (const connection of connections.slice(0, 2)) hub.user("ann").add(connection);
    expect(hub.user("ann").broadcast("for ann")).toBe(2);
    const ends = Promise.all(clients.slice(0, 2).map(async (client) => `${(await client.nextMessage()).text} ${(await client.closed).code}`));
    await hub.user("ann").close({ code: 4000 });
    expect(await ends).toEqual(["for ann 4000", "for ann 4000"]);
    expect([hub.user("ann").size, hub.room("users").size]).toEqual([0, 1]);
  });

  suite.it("forgets a connection when it closes or is reset", async () => {
    const { clients, connections } = await group("leavers", 3);
    await clients[0]?.close(1000);
    clients[1]?.reset();
    await Promise.all(connections.slice(0, 2).map(({ closed }) => closed));
    expect([hub.room("leavers").size, hub.room("leavers").broadcast("who is left")]).toEqual([1, 1]);
    expect((await clients[2]?.nextMessage())?.text).toBe("who is left");
  });
}
