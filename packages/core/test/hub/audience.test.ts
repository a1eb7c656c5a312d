import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { createAudience, createHub, Upgrader, type Audience, type Connection, type ConnectionHandler, type Hub, type UpgraderOptions } from "@upwire/core";
import { describe, expect, it, onTestFinished } from "vitest";
import { StandIn } from "../helpers/stand-in.ts";
import { openSocket, read, settled, type OpenedSocket } from "../helpers/wire-clients.ts";

/** What the channel `upwire:error` was told in this test. */
function errors(): unknown[] {
  const told: unknown[] = [];
  const listener = (event: unknown): void => void told.push(((event as { readonly error: unknown }).error as Error).message);
  subscribe("upwire:error", listener);
  onTestFinished(() => void unsubscribe("upwire:error", listener));
  return told;
}

const standIns = (...ids: string[]): StandIn[] => ids.map((id) => new StandIn(id));

describe("an audience of one's own", () => {
  it("has members, tells their number, iterates, sends and forgets those that close", () => {
    const audience = createAudience();
    const [a, b] = standIns("a", "b") as [StandIn, StandIn];
    expect([audience.add(a.connection), audience.add(a.connection), audience.add(b.connection)]).toEqual([true, true, true]);
    expect([audience.size, audience.has(a.connection), [...audience]]).toEqual([2, true, [a.connection, b.connection]]);
    expect([audience.broadcast("x"), audience.broadcast("y", { except: a.connection })]).toEqual([2, 1]);
    expect([a.heard, b.heard]).toEqual([["x"], ["x", "y"]]);
    expect([audience.delete(a.connection), audience.delete(a.connection), a.listeners, a.state]).toEqual([true, false, 0, "open"]);
    b.end();
    expect([audience.size, audience.broadcast("z"), audience.add(b.connection)]).toEqual([0, 0, false]);
  });

  it("knows nothing of hubs, rooms and other audiences of the same connection", () => {
    const [hub, one, other] = [createHub(), createAudience(), createAudience()];
    const [a] = standIns("a") as [StandIn];
    for (const audience of [hub, one, other]) audience.add(a.connection);
    one.delete(a.connection);
    expect([hub.size, one.size, other.size, hub.rooms()]).toEqual([1, 0, 1, []]);
  });

  it("sends nothing to a member that has left its cohort, and everything to one that is back", async () => {
    const audience = createAudience();
    const upgrader = new Upgrader();
    const clients: OpenedSocket[] = [];
    for (let at = 0; at < 12; at++) clients.push(await openSocket(upgrader, undefined));
    for (const { connection } of clients) audience.add(connection);
    const [gone, back] = clients as [OpenedSocket, OpenedSocket];
    const say = async (text: string): Promise<number> => {
      const taken = audience.broadcast(text);
      await settled(clients);
      return taken;
    };
    expect([await say("1"), await say("2"), await say("3")]).toEqual([12, 12, 12]);
    for (const { connection } of [gone, back]) audience.delete(connection);
    expect(await say("4")).toBe(10);
    audience.add(back.connection);
    expect([await say("5"), await say("6")]).toEqual([11, 11]);
    expect(clients.map((client) => read(client).join(""))).toEqual(["123", "12356", ...Array.from({ length: 10 }, () => "123456")]);
    for (const { socket } of clients) socket.destroy();
  });

  it("can be what another broadcast leaves out", () => {
    const [all, some] = [createAudience(), createAudience()];
    const members = standIns("a", "b", "c");
    for (const { connection } of members) all.add(connection);
    for (const { connection } of members.slice(1)) some.add(connection);
    expect([all.broadcast("x", { except: some }), members.map(({ heard }) => heard.length)]).toEqual([1, [1, 0, 0]]);
  });

  it("is iterated as it was when the loop began, without those that have left", () => {
    const audience = createAudience();
    const members = standIns("a", "b", "c", "d");
    const [, second, , last] = members as [StandIn, StandIn, StandIn, StandIn];
    for (const { connection } of members) audience.add(connection);
    const seen: string[] = [];
    for (const connection of audience) {
      seen.push(connection.id);
      if (connection.id === "a") audience.delete(second.connection);
      if (connection.id === "c") last.end();
      // A loop over a Set would never end.
      audience.delete(connection);
      audience.add(connection);
    }
    expect(seen).toEqual(["a", "c"]);
  });
});

describe("hooks", () => {
  interface Told {
    readonly audience: Audience;
    readonly told: string[];
    /** Runs in each hook. */
    act: (what: string) => unknown;
  }

  /** The hooks of an audience of one's own and those of a room, in the same words. */
  const kinds: readonly (readonly [string, () => Told])[] = [
    [
      "an audience",
      () => {
        const told: string[] = [];
        const note = (what: string): void => {
          told.push(what);
          return result.act(what) as undefined;
        };
        const audience = createAudience({
          onFirst: () => note("first"),
          onEmpty: () => note("empty"),
          onAdd: ({ id }) => note(`add ${id}`),
          onDelete: ({ id }) => note(`delete ${id}`),
        });
        const result: Told = { audience, told, act: () => {} };
        return result;
      },
    ],
    [
      "a room",
      () => {
        const told: string[] = [];
        const note = (what: string): void => {
          told.push(what);
          return result.act(what) as undefined;
        };
        const hub: Hub = createHub({
          onFirst: () => note("first"),
          onEmpty: () => note("empty"),
          onJoin: (_room, { id }) => note(`add ${id}`),
          onLeave: (_room, { id }) => note(`delete ${id}`),
        });
        const result: Told = { audience: hub.room("r"), told, act: () => {} };
        return result;
      },
    ],
  ];

  it.each(kinds)("of %s tell who comes and goes, the first and the last", (_name, make) => {
    const { audience, told } = make();
    const [a, b] = standIns("a", "b") as [StandIn, StandIn];
    audience.add(a.connection);
    audience.add(a.connection, { format: "json" });
    audience.add(b.connection);
    audience.delete(a.connection);
    b.end();
    audience.add(a.connection);
    expect(told).toEqual(["first", "add a", "add b", "delete a", "delete b", "empty", "first", "add a"]);
  });

  it.each(kinds)("of %s are called one behind the other, also when one of them changes members", (_name, make) => {
    const made = make();
    const { audience, told } = made;
    const [a, b] = standIns("a", "b") as [StandIn, StandIn];
    made.act = (what) => {
      if (what === "first") audience.delete(a.connection);
      if (what === "delete a") audience.add(b.connection);
      told.push(`behind ${what}`);
      made.act = (next) => {
        if (next === "delete a") audience.add(b.connection);
      };
    };
    audience.add(a.connection);
    expect(told).toEqual(["first", "behind first", "add a", "delete a", "empty", "first", "add b"]);
    expect([...audience].map(({ id }) => id)).toEqual(["b"]);
  });

  it.each(kinds)("of %s that throw or reject are told of on the channel, and nothing else is affected", async (_name, make) => {
    const made = make();
    const told = errors();
    const [a] = standIns("a") as [StandIn];
    made.act = (what) => {
      if (what === "first") throw new Error(`a fault in ${what}`);
      return Promise.reject(new Error(`a fault in ${what}`));
    };
    expect(made.audience.add(a.connection)).toBe(true);
    expect(made.audience.broadcast("x")).toBe(1);
    a.end();
    await new Promise((turn) => setImmediate(turn));
    expect(made.told).toEqual(["first", "add a", "delete a", "empty"]);
    expect(told).toContain("a fault in first");
  });
});

describe("formats", () => {
  const say = (format: string): string => `in ${format}`;

  it("give each member the message in the one it was added with, and call the function once for each", () => {
    const audience = createAudience();
    const members = standIns("a", "b", "c", "d");
    for (const [at, { connection }] of members.entries()) audience.add(connection, { format: at % 2 === 0 ? "json" : undefined });
    const asked: string[] = [];
    expect(audience.broadcast((format) => (asked.push(format), say(format)))).toBe(4);
    expect(asked.toSorted()).toEqual(["default", "json"]);
    expect(members.map(({ heard }) => heard)).toEqual([["in json"], ["in default"], ["in json"], ["in default"]]);
    expect(audience.broadcast((format) => (format === "json" ? "{}" : undefined))).toBe(2);
    expect(audience.broadcast("plain for all")).toBe(4);
    expect(createAudience().broadcast(say)).toBe(0);
  });

  it("change when a member is added again with another, and in rooms are those of the hub unless named", () => {
    const hub = createHub();
    const [a, b] = standIns("a", "b") as [StandIn, StandIn];
    hub.add(a.connection, { format: "json" });
    hub.room("r").add(a.connection);
    hub.room("r").add(b.connection, { format: "xml" });
    hub.room("r").broadcast(say);
    hub.broadcast(say);
    hub.add(a.connection, { format: "xml" });
    hub.add(b.connection);
    hub.broadcast(say);
    hub.room("r").broadcast(say);
    expect([a.heard, b.heard]).toEqual([
      ["in json", "in json", "in xml", "in json"],
      ["in xml", "in xml", "in xml", "in xml"],
    ]);
    expect([hub.size, hub.room("r").size, hub.get("a")]).toEqual([2, 2, a.connection]);
  });

  it("are sent to none when the function throws, answers with a promise or with what cannot be sent", () => {
    const audience = createAudience();
    const [a, b] = standIns("a", "b") as [StandIn, StandIn];
    audience.add(a.connection);
    audience.add(b.connection, { format: "json" });
    const fault = (wrong: () => unknown) => (): number => audience.broadcast((format) => (format === "json" ? (wrong() as string) : "x"));
    const throws = (): never => {
      throw new Error("no form");
    };
    expect(fault(throws)).toThrow("no form");
    expect(fault(() => Promise.reject(new Error("late")))).toThrow(TypeError);
    expect(fault(() => 5)).toThrow(TypeError);
    expect([a.heard, b.heard]).toEqual([[], []]);
  });

  it("are framed once for each format, and cohorts form in each", async () => {
    const audience = createAudience();
    const upgrader = new Upgrader();
    const clients: OpenedSocket[] = [];
    /** The last block that each was given. */
    const given: unknown[] = [];
    for (let at = 0; at < 20; at++) {
      const client = await openSocket(upgrader, undefined);
      audience.add(client.connection, { format: at % 2 === 0 ? "json" : "text" });
      clients.push(client);
      const write = client.socket.write.bind(client.socket) as (block: unknown) => boolean;
      client.socket.write = (block: unknown) => write((given[at] = block));
    }
    for (let round = 0; round < 5; round++) {
      expect(audience.broadcast((format) => `${round} ${format}`)).toBe(20);
      await settled(clients);
    }
    for (const [at, client] of clients.entries()) {
      const format = at % 2 === 0 ? "json" : "text";
      expect(read(client)).toEqual([0, 1, 2, 3, 4].map((round) => `${round} ${format}`));
      // The very same bytes.
      expect(given[at]).toBe(given[at % 2]);
      client.socket.destroy();
    }
  });
});

describe("who missed it", () => {
  /** Four members, of whom the first two do not take anything any more. */
  async function four(
    options: UpgraderOptions = {},
  ): Promise<{ readonly audience: Audience; readonly clients: readonly OpenedSocket[]; readonly ids: readonly string[] }> {
    const audience = createAudience();
    const upgrader = new Upgrader(options);
    const clients: OpenedSocket[] = [];
    for (let at = 0; at < 4; at++) {
      const client = await openSocket(upgrader, undefined);
      audience.add(client.connection);
      clients.push(client);
    }
    for (const { connection } of clients.slice(0, 2)) connection.close();
    onTestFinished(() => clients.forEach(({ socket }) => socket.destroy()));
    return { audience, clients, ids: clients.map(({ connection }) => connection.id) };
  }

  it("is told behind the last member, once for each", async () => {
    const { audience, clients, ids } = await four();
    const missed: unknown[] = [];
    expect(
      audience.broadcast("x", {
        missed: ({ id }) =>
          void missed.push(
            id,
            clients.slice(2).map(({ connection }) => connection.bufferedBytes),
          ),
      }),
    ).toBe(2);
    expect(missed).toEqual([ids[0], [3, 3], ids[1], [3, 3]]);
  });

  it("is told later of what a policy takes back, and not of what arrives", async () => {
    const { audience, clients, ids } = await four({ slowConsumer: "drop-oldest", maxQueueBytes: 3000 });
    const [, , slow, fast] = clients as [OpenedSocket, OpenedSocket, OpenedSocket, OpenedSocket];
    slow.socket.isTaking = false;
    const missed: string[] = [];
    const numbers = Array.from({ length: 10 }, (_, number) => number);
    for (const number of numbers) {
      audience.broadcast(`${number} ${"x".repeat(900)}`, { missed: ({ id }) => void missed.push(`${ids.indexOf(id)} ${number}`) });
      await settled([fast]);
    }
    slow.socket.isTaking = true;
    await settled(clients.slice(2));
    await new Promise((later) => setImmediate(later));
    const got = read(slow).map((text) => text.slice(0, 1));
    expect(missed.filter((what) => what.startsWith("2")).map((what) => what.slice(2))).toEqual(numbers.map(String).filter((number) => !got.includes(number)));
    expect(got.length).toBeLessThan(10);
    expect(missed.filter((what) => what.startsWith("3"))).toEqual([]);
    expect(missed.filter((what) => !what.startsWith("2"))).toEqual(numbers.flatMap((number) => [`0 ${number}`, `1 ${number}`]));
  });

  it("may throw or reject, and the next one is told", async () => {
    const told = errors();
    const { audience, ids } = await four({ onError: () => {} });
    const asked: string[] = [];
    const missed = ({ id }: Connection): unknown => {
      asked.push(id);
      if (id === ids[0]) throw new Error("a fault of the first");
      return Promise.reject(new Error("a fault of the second"));
    };
    expect(audience.broadcast("x", { missed })).toBe(2);
    await new Promise((later) => setImmediate(later));
    expect([asked, told]).toEqual([ids.slice(0, 2), ["a fault of the first", "a fault of the second"]]);
  });

  it("are those that filter chose and except spared, and no other", async () => {
    const { audience, clients, ids } = await four();
    const missed: string[] = [];
    for (const { connection } of clients) connection.close();
    audience.broadcast("x", { except: clients[0]?.connection, filter: ({ id }) => id !== ids[1], missed: ({ id }) => void missed.push(id) });
    expect(missed).toEqual(ids.slice(2));
  });

  it("is no one when it must arrive: a client without room for it is ended", async () => {
    const { audience, clients } = await four({ slowConsumer: "drop-newest", maxQueueBytes: 2000 });
    const [, , slow, fast] = clients as [OpenedSocket, OpenedSocket, OpenedSocket, OpenedSocket];
    slow.socket.isTaking = false;
    for (let round = 0; round < 4; round++) {
      audience.broadcast("x".repeat(900));
      await settled([fast]);
    }
    expect(audience.broadcast("gap ".repeat(200), { mustArrive: true })).toBe(1);
    expect([slow.connection.isOpen, fast.connection.isOpen]).toEqual([false, true]);
  });
});

/** B5: half of the members got the second message before the first. */
describe("a broadcast in the middle of a broadcast", () => {
  interface Scene {
    readonly hub: Hub;
    readonly clients: OpenedSocket[];
  }

  /** Twelve members of a hub, a room, a user and an audience; the fourth takes nothing, and its queue is full. */
  async function scene(
    handler: (second: () => void) => ConnectionHandler,
    second: (scene: Scene & { readonly own: Audience }) => void,
  ): Promise<Scene & { readonly own: Audience }> {
    const hub = createHub();
    const own = createAudience();
    const clients: OpenedSocket[] = [];
    const made = { hub, clients, own };
    const upgrader = new Upgrader({ maxQueueBytes: 3000 });
    for (let at = 0; at < 12; at++) {
      const client = await openSocket(
        upgrader,
        undefined,
        handler(() => second(made)),
      );
      for (const audience of [hub, hub.room("r"), hub.user("ann"), own]) audience.add(client.connection);
      clients.push(client);
    }
    const slow = clients[3];
    if (slow === undefined) throw new Error("there is no slow client");
    slow.socket.isTaking = false;
    // A Blob stands in front of what the last two are sent: their queues look at each message.
    for (const { connection } of clients.slice(10)) connection.send(new Blob(["a blob"]));
    for (let at = 0; at < 3; at++) slow.connection.send("x".repeat(900));
    return made;
  }

  /** What all but the slow one got. */
  async function orders({ clients }: Scene): Promise<string[]> {
    const others = clients.filter((_, at) => at !== 3);
    await settled(others);
    const got = others.map((client) =>
      read(client)
        .filter((text) => text !== "a blob")
        .map((text) => text.slice(0, 6).trim())
        .join(", "),
    );
    for (const { socket } of clients) socket.destroy();
    return got;
  }

  const first = `first ${"x".repeat(900)}`;
  const seconds: Readonly<Record<string, (scene: Scene & { readonly own: Audience }) => void>> = {
    "to the hub": ({ hub }) => void hub.broadcast("second"),
    "to a room": ({ hub }) => void hub.room("r").broadcast("second"),
    "to a user": ({ hub }) => void hub.user("ann").broadcast("second"),
    "to an audience": ({ own }) => void own.broadcast("second"),
    "to each": ({ clients }) => clients.forEach(({ connection }) => connection.send("second")),
  };

  for (const [where, second] of Object.entries(seconds)) {
    it(`from an error hook ${where} comes behind the first for every member`, async () => {
      const made = await scene((act) => ({ error: act }), second);
      expect(made.hub.broadcast(first)).toBe(11);
      expect(await orders(made)).toEqual(Array(11).fill("first, second"));
    });

    it(`from missed ${where} comes behind the first for every member`, async () => {
      const made = await scene(() => ({}), second);
      expect(made.hub.broadcast(first, { missed: () => second(made) })).toBe(11);
      expect(await orders(made)).toEqual(Array(11).fill("first, second"));
    });
  }

  it("from filter comes before the first for every member", async () => {
    const made = await scene(
      () => ({}),
      () => {},
    );
    let calls = 0;
    made.hub.broadcast(first, { filter: () => calls++ !== 6 || made.hub.broadcast("second") >= 0 });
    expect(await orders(made)).toEqual(Array(11).fill("second, first"));
  });

  it("is not how hooks learn who left: a member that filter takes out gets nothing, and hooks come before the first send", () => {
    const members = standIns("a", "b", "c");
    const told: unknown[] = [];
    const audience = createAudience({
      onDelete: ({ id }) =>
        void told.push(
          id,
          members.map(({ heard }) => heard.length),
        ),
    });
    for (const { connection } of members) audience.add(connection);
    const [, , last] = members as [StandIn, StandIn, StandIn];
    expect(audience.broadcast("x", { filter: ({ id }) => id !== "a" || audience.delete(last.connection) })).toBe(2);
    expect([told, members.map(({ heard }) => heard)]).toEqual([
      ["c", [0, 0, 0]],
      [["x"], ["x"], []],
    ]);
  });

  it("from the function for formats comes before the first for every member", async () => {
    const made = await scene(
      () => ({}),
      () => {},
    );
    for (const { connection } of made.clients.slice(5, 6)) made.hub.add(connection, { format: "json" });
    made.hub.broadcast((format) => {
      if (format === "json") made.hub.broadcast("second");
      return first;
    });
    expect(await orders(made)).toEqual(Array(11).fill("second, first"));
  });
});
