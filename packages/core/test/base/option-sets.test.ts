import { readdirSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import {
  attach,
  ConnectionError,
  createAudience,
  createHub,
  logEvents,
  Message,
  PreparedMessage,
  refuse,
  Upgrader,
  websocket,
  type Connection,
  type ConnectionHandler,
} from "@upwire/core";
import { observeHub } from "@upwire/core/adapter";
import { beforeAll, describe, expect, it } from "vitest";
import { openSocket } from "../helpers/wire-clients.ts";

const handler = { open: (): void => {} };
let connection: Connection;
beforeAll(async () => {
  ({ connection } = await openSocket(new Upgrader(), undefined));
});

type Take = (options: never) => unknown;

/** By the type of the options: who takes them. */
const takers: Readonly<Record<string, Readonly<Record<string, Take>>>> = {
  UpgraderOptions: {
    Upgrader: (options) => new Upgrader(options),
    "Upgrader.from": (options) => Upgrader.from(options),
    websocket: (options) => websocket(handler, options),
    "websocket with options of the handler": (options) => websocket({ ...handler, options: { maxMessageBytes: 5 } }, options),
    "Upgrader.forRoute, which each adapter calls": (options) => Upgrader.forRoute(handler, options),
    "handler.options": (options) => websocket({ ...handler, options }),
  },
  ConnectionLimits: { Upgrader: (options) => new Upgrader(options) },
  AttachOptions: { attach: (options) => attach(createServer(), options) },
  HubOptions: { createHub: (options) => createHub(options) },
  HubObserver: { observeHub: (observer) => observeHub(createHub(), observer) },
  AudienceOptions: { createAudience: (options) => createAudience(options) },
  AddOptions: { add: (options) => createHub().add(connection, options), "room.add": (options) => createHub().room("r").add(connection, options) },
  BroadcastOptions: {
    broadcast: (options) => createHub().broadcast("text", options),
    "broadcast by format": (options) => createHub().broadcast(() => "text", options),
  },
  SendOptions: { send: (options) => connection.send("text", options), sendJson: (options) => connection.sendJson(1, options) },
  ShutdownOptions: { shutdown: (options) => attach(createServer()).shutdown(options) },
  CloseAllOptions: { "attachment.close": (options) => attach(createServer()).close(options), "hub.close": (options) => createHub().close(options) },
  CompressionOptions: { compression: (compression) => new Upgrader({ compression }) },
  RateLimit: { rateLimit: (rateLimit) => new Upgrader({ rateLimit }) },
  LogOptions: { logEvents: (options) => logEvents(options)() },
  JsonOptions: { json: (options) => new Message(Buffer.from("1"), false).json(options) },
  PreparedOptions: { PreparedMessage: (options) => new PreparedMessage("text", options) },
  Closure: { ConnectionError: (closure) => new ConnectionError(closure), fail: (closure) => connection.fail(closure) },
};

const root = new URL("../../src/", import.meta.url);
const source = readdirSync(root, { recursive: true, encoding: "utf8" })
  .filter((file) => file.endsWith(".ts"))
  .map((file) => readFileSync(new URL(file, root), "utf8"))
  .join("\n");

/** The names that an interface declares. */
function namesOf(owner: string): string[] {
  const body = new RegExp(`interface ${owner}\\b.*\\{\\n([^]*?)\\n\\}`).exec(source)?.[1] ?? "";
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member ?? "");
}

async function thrownBy(run: () => unknown): Promise<string> {
  try {
    await run();
    return "nothing";
  } catch (error) {
    return (error as Error).name;
  }
}

class Options {
  readonly authorize = (): unknown => refuse(401);
}

const noSets: Readonly<Record<string, () => unknown>> = {
  "a promise": async () => ({}),
  "a thenable": () => {
    const thenable = {};
    Reflect.set(thenable, "then", () => {});
    return thenable;
  },
  "a Map": () => new Map(),
  "an instance of a class": () => new Options(),
  "an object that inherits": () => Object.create({ authorize: () => refuse(401) }) as object,
  "a Date": () => new Date(),
  "a list": () => [],
  "a function": () => () => {},
  "a number": () => 5,
  "a string": () => "text",
  null: () => null,
  "an unknown option that is hidden": () => Object.defineProperty({}, "authorise", { value: () => refuse(401) }),
};

const rows = Object.entries(takers).flatMap(([type, all]) => Object.entries(all).map(([name, take]) => [type, name, take] as const));

describe("a set of options", () => {
  it("of each type that is checked has a row", () => {
    const checked = new Set([...source.matchAll(/OptionKinds<(\w+)(?:<[^>]*>)?>/g)].map(([, type]) => type));
    checked.delete("Options");
    expect(Object.keys(takers).toSorted()).toEqual([...checked].toSorted());
  });

  it.each(rows)("is a plain object, and anything else is a TypeError: %s, %s", async (_type, _name, take) => {
    for (const [what, make] of Object.entries(noSets)) {
      // Awaited, a thenable never settles.
      const given = make();
      expect([what, await thrownBy(() => take(given as never))]).toEqual([what, "TypeError"]);
    }
  });

  it.each(rows.filter(([type]) => type !== "Closure"))("may have no prototype, and nothing that is undefined is set: %s, %s", async (type, _name, take) => {
    const names = namesOf(type);
    expect(names.length).toBeGreaterThan(0);
    const unset = Object.fromEntries(names.map((name) => [name, undefined]));
    for (const given of [undefined, {}, Object.create(null) as object, unset, Object.freeze({})])
      expect(await thrownBy(() => take(given as never))).toBe("nothing");
  });

  it.each(rows)("has no option that may be null: %s, %s", async (type, _name, take) => {
    for (const name of namesOf(type)) {
      const base = type === "Closure" ? { code: "ERR_X", closeCode: 4000, retry: false } : {};
      const thrown = await thrownBy(() => take({ ...base, [name]: null } as never));
      // A closure may tell anything in detail.
      expect([name, thrown]).toEqual([name, name === "detail" ? "nothing" : expect.stringMatching(/^(?:Type|Range)Error$/)]);
    }
  });

  it.each(Object.entries(takers["UpgraderOptions"] ?? {}).filter(([name]) => name !== "handler.options"))(
    "counts with what is hidden in it: %s",
    async (_name, take) => {
      // What is hidden is looked at as everything else, so it must count as everything else.
      expect(await thrownBy(() => take(Object.defineProperty({}, "authorize", { value: 5 }) as never))).toBe("TypeError");
    },
  );

  it("of a handler is no Upgrader, and one of a route is", async () => {
    expect(await thrownBy(() => websocket({ ...handler, options: new Upgrader() as never }))).toBe("TypeError");
    expect(await thrownBy(() => websocket(handler, new Upgrader()))).toBe("nothing");
  });

  it.each([
    [{ messageBurst: Number.NaN }],
    [{ messageBurst: Symbol("burst") }],
    [{ byteBurst: -1 }],
    [{ messagesPerSecond: 0 }],
    [{ patienceMs: Symbol("patience") }],
  ])("of a rate limit is looked at without its rate too: %o", async (rateLimit) => {
    expect(await thrownBy(() => new Upgrader({ rateLimit: rateLimit as never }))).toBe("RangeError");
  });
});

it("goes from each adapter to Upgrader.forRoute, as it was given", () => {
  for (const file of [
    "express/src/index.ts",
    "fastify/src/index.ts",
    "fastify/src/websocket.ts",
    "hono/src/index.ts",
    "hono/src/node-ws.ts",
    "koa/src/index.ts",
    "core/src/upgrade/node.ts",
  ]) {
    const text = readFileSync(new URL(`../../../${file}`, import.meta.url), "utf8");
    expect([file, text.match(/export function websocket/g)?.length, text.match(/Upgrader\.forRoute\(handler, options\)/g)?.length]).toEqual([file, 1, 1]);
  }
});

describe("a member of a handler", () => {
  it.each(["option", "Options", "OPTIONS", "optoins", "concurency", "Concurrency", "Message", "OPEN"])("is misspelled, whatever it is: %s", async (name) => {
    for (const value of [{ authorize: () => refuse(401) }, 1, undefined, () => {}]) {
      const given = Object.defineProperty({ ...handler }, name, { value, enumerable: value !== 1 });
      expect([value, await thrownBy(() => websocket(given as ConnectionHandler))]).toEqual([value, "TypeError"]);
    }
  });

  it("may be state or a helper of the application, under a name of its own", async () => {
    class Room {
      _options = {};
      opened = 0;
      messages: string[] = [];
      errors?: number;
      actions = new Map();
      message(): void {}
      close(): void {}
      closed(): void {}
      get pings(): number {
        return 0;
      }
    }
    expect(await thrownBy(() => websocket(new Room()))).toBe("nothing");
  });

  it.each(["open", "message", "close", "error"])("that is a hook is a function, and not null: %s", async (name) => {
    expect(await thrownBy(() => websocket({ ...handler, [name]: null }))).toBe("TypeError");
  });
});
