import { createHub, type Connection } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "./channel.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "./wire-client.ts";

interface Group {
  readonly clients: readonly WireClient[];
  readonly connections: readonly Connection[];
}

/** One message for many, over whatever carries the connections. */
export function broadcasts(suite: Suite): void {
  const hub = createHub();
  const joined = new Channel<Connection>();
  suite.route("/hub/:room", {
    open(connection, request) {
      hub.join(connection, request.params["room"] ?? "");
      joined.push(connection);
    },
    message: (connection, message) => void hub.broadcast(message, { room: hub.roomsOf(connection)[0] ?? "" }),
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
  const nextTexts = async (clients: readonly WireClient[]): Promise<string[]> =>
    Promise.all(clients.map(async (client) => (await client.nextMessage()).text));

  suite.it("sends a message of one client to all of its room, the sender included", async () => {
    const { clients } = await group("all", 5);
    clients[2]?.sendText("hello all");
    expect(await nextTexts(clients)).toEqual(Array(5).fill("hello all"));
  });

  suite.it("keeps rooms apart, and counts who took the message", async () => {
    const red = await group("red", 2);
    const blue = await group("blue", 1);
    expect(hub.broadcast("for red", { room: "red" })).toBe(2);
    expect(hub.broadcast("for blue", { room: "blue" })).toBe(1);
    expect(hub.broadcast("for nobody", { room: "green" })).toBe(0);
    expect(await nextTexts([...red.clients, ...blue.clients])).toEqual(["for red", "for red", "for blue"]);
  });

  suite.it("leaves out those it is told to", async () => {
    const { clients, connections } = await group("except", 3);
    const [first, second] = connections;
    if (first === undefined || second === undefined) throw new Error("no connections");
    expect(hub.broadcast("not for the first", { room: "except", except: first })).toBe(2);
    expect(hub.broadcast("for the last", { room: "except", except: [first, second] })).toBe(1);
    expect(hub.broadcast("for all", { room: "except" })).toBe(3);
    expect(await nextTexts(clients)).toEqual(["for all", "not for the first", "not for the first"]);
    expect(await nextTexts(clients.slice(1))).toEqual(["for all", "for the last"]);
  });

  suite.it("sends to one connection by its id", async () => {
    const { clients, connections } = await group("direct", 2);
    expect(hub.sendTo(connections[1]?.id ?? "", "only you")).toBe(true);
    expect(hub.sendTo("nobody", "lost")).toBe(false);
    hub.broadcast("everyone", { room: "direct" });
    expect(await nextTexts(clients)).toEqual(["everyone", "only you"]);
  });

  suite.it("keeps the order of private messages, broadcasts and pings", async () => {
    const { clients, connections } = await group("order", 2);
    connections[0]?.send("1");
    hub.broadcast("2", { room: "order" });
    connections[0]?.send("3");
    hub.broadcast(Buffer.from("4"), { room: "order" });
    const [first, second] = clients;
    if (first === undefined || second === undefined) throw new Error("no clients");
    for (const n of ["1", "2", "3", "4"]) expect((await first.nextMessage()).text).toBe(n);
    for (const n of ["2", "4"]) expect((await second.nextMessage()).text).toBe(n);
  });

  suite.it("forgets a connection when it closes or is reset", async () => {
    const { clients, connections } = await group("leavers", 3);
    await clients[0]?.close(1000);
    clients[1]?.reset();
    await Promise.all(connections.slice(0, 2).map(({ closed }) => closed));
    expect([hub.count("leavers"), hub.broadcast("who is left", { room: "leavers" })]).toEqual([1, 1]);
    expect((await clients[2]?.nextMessage())?.text).toBe("who is left");
  });
}
