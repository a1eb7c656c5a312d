import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, createAudience, createHub, logEvents, refuse, Upgrader, websocket, type ConnectionHandler } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";
import { nearestNames } from "../../src/base/nearest-name.ts";
import { serve } from "../helpers/served.ts";

const handler = { open: (): void => {} };

/** Who takes options, with the file and the interface that names them. */
const takers: readonly (readonly [string, string, (options: object) => unknown])[] = [
  ["connection/options.ts", "UpgraderOptions", (options) => new Upgrader(options)],
  ["base/limits.ts", "ConnectionLimits", (options) => websocket(handler, options)],
  ["upgrade/attach.ts", "AttachOptions", (options) => attach(createServer(), options)],
  ["hub/hub.ts", "HubOptions", (options) => createHub(options)],
  ["hub/audience.ts", "AudienceOptions", (options) => createAudience(options)],
  ["hub/broadcast.ts", "BroadcastOptions", (options) => createHub().broadcast("text", options)],
  ["shutdown/shutdown-plan.ts", "ShutdownOptions", (options) => attach(createServer()).shutdown(options)],
  ["shutdown/close-in-waves.ts", "CloseAllOptions", (options) => attach(createServer()).close(options)],
  ["wire/compression.ts", "CompressionOptions", (compression) => new Upgrader({ compression })],
  ["base/rate-limit-options.ts", "RateLimit", (rateLimit) => new Upgrader({ rateLimit })],
  ["observe/log.ts", "LogOptions", (options) => logEvents(options)],
];

/** The names that an interface declares in its source. */
function namesOf(file: string, name: string): string[] {
  const body = new RegExp(`interface ${name}\\b.*\\{\\n([^]*?)\\n\\}`).exec(readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8"))?.[1] ?? "";
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[(:]/gm)].map(([, member]) => member ?? "");
}

/** Each name with one letter dropped, doubled, or swapped with the next. */
function misspelled(name: string): string[] {
  const found = new Set<string>();
  for (let at = 0; at < name.length; at++) {
    found.add(name.slice(0, at) + name.slice(at + 1));
    found.add(name.slice(0, at) + (name[at] ?? "") + name.slice(at));
    found.add(name.slice(0, at) + (name[at + 1] ?? "") + (name[at] ?? "") + name.slice(at + 2));
  }
  found.add(`${name}s`);
  found.delete(name);
  return [...found];
}

async function textOf(run: () => unknown): Promise<string> {
  try {
    await run();
    return "nothing was thrown";
  } catch (error) {
    return `${(error as Error).name}: ${(error as Error).message}`;
  }
}

describe("an option that does not exist", () => {
  it.each(takers)("is refused with the nearest that does: every name of %s %s, with each letter wrong", async (file, owner, take) => {
    const names = namesOf(file, owner);
    expect(names.length).toBeGreaterThan(1);
    for (const name of names) {
      for (const wrong of misspelled(name)) {
        if (names.includes(wrong)) continue;
        const text = await textOf(() => take({ [wrong]: undefined }));
        expect([wrong, text]).toEqual([wrong, expect.stringMatching(new RegExp(`^TypeError: .*"${wrong}"; write .*"${name}"`))]);
      }
    }
  });

  it.each([
    [{ authorise: () => true }, "authorize"],
    [{ origins: ["https://a.example"] }, "origin"],
    [{ verifyClient: () => true }, "authorize"],
    [{ maxPayload: 5 }, "maxMessageBytes"],
    [{ heartbeat: 5 }, "pingIntervalMs"],
  ])("%j is refused, and the right name is told", async (options, name) => {
    expect(await textOf(() => websocket(handler, options as object))).toMatch(new RegExp(`^TypeError: .*write "${name}"$`));
  });

  it("that is near to none is refused with all that there are", async () => {
    expect(await textOf(() => createHub({ zzz: 1 } as never))).toBe(
      'TypeError: createHub: there is no option "zzz"; there are maxRoomsPerConnection, maxRoomNameLength, onJoin, onLeave, onFirst, onEmpty, clock',
    );
  });

  it.each(["constructor", "__proto__", "toString"])("named %s is refused too", async (name) => {
    const options = Object.defineProperty({}, name, { value: 1, enumerable: true });
    expect(await textOf(() => new Upgrader(options))).toMatch(/^TypeError: .*there is no option/);
  });
});

describe("a value of a wrong kind", () => {
  it.each([
    [{ authorize: true }, "authorize: true is not allowed; give a function"],
    [{ authorize: null }, "authorize: null is not allowed; give a function"],
    [{ subprotocols: "x" }, 'subprotocols: "x" is not allowed; give a list such as ["chat.v1"] or a function'],
    [{ onError: 3 }, "onError: 3 is not allowed; give a function"],
    [{ origin: 5 }, "origin: 5 is not allowed; give a list"],
    [{ compression: { threshold: 10 } }, 'compression: there is no option "threshold"; write "thresholdBytes"'],
    [{ compression: "yes" }, 'compression: "yes" is not allowed'],
    [{ headers: 5 }, "headers: 5 is not allowed"],
    [{ headers: { "x-a": "a\nb" } }, 'headers: the header "x-a" has a character that no header may have'],
    [{ requireOrigin: "yes" }, 'requireOrigin: "yes" is not allowed; give true or false'],
    [{ clock: {} }, "clock: an object is not allowed; give an object with the functions now, after and every"],
    [{ readers: "mine" }, 'readers: "mine" is not allowed; give wsReaders()'],
    [{ rateLimit: 5 }, "rateLimit: 5 is not allowed; give an object with options"],
    [5, "the options are a number; give an object with options"],
    [null, "the options are null"],
  ])("%j is told what would be right", async (options, text) => {
    expect(await textOf(() => websocket(handler, options as never))).toContain(`TypeError: `);
    expect(await textOf(() => websocket(handler, options as never))).toContain(text);
  });

  it("is a RangeError where a number is out of range, with the range", async () => {
    expect(await textOf(() => new Upgrader({ maxMessageBytes: "1mb" as never }))).toBe(
      'RangeError: maxMessageBytes: "1mb" is not allowed; give a whole number from 1 to 2147483647',
    );
    expect(await textOf(() => new Upgrader({ slowConsumer: "drop" as never }))).toMatch(
      /^RangeError: slowConsumer: "drop" is not allowed; give "close", .* or "pause"$/,
    );
  });
});

describe("a handler", () => {
  it.each<[unknown, string]>([
    [(): void => {}, "a handler is an object with hooks, and this is a function; write websocket({ message(connection, message)"],
    [undefined, "and this is undefined"],
    [[], "and this is a list"],
    [{}, "the handler has no hook; write at least one of open, message"],
    [{ onMessage() {} }, 'there is no hook "onMessage"; write "message"'],
    [{ onOpen() {}, message() {} }, 'there is no hook "onOpen"; write "open"'],
    [{ mesage() {} }, 'there is no hook "mesage"; write "message"'],
    [{ connection() {} }, 'there is no hook "connection"; write "open"'],
    [{ message: "echo" }, "the hook message is a string; give a function"],
    [{ greet() {} }, 'the handler has no hook, only "greet"'],
  ])("%o is refused", async (given, text) => {
    const thrown = await textOf(() => websocket(given as ConnectionHandler));
    expect(thrown).toMatch(/^TypeError: websocket: /);
    expect(thrown).toContain(text);
  });

  it("that stands where the options belong is told so", async () => {
    expect(await textOf(() => websocket({ authorize: () => true } as never, handler as never))).toContain("the handler comes first, and the options second");
  });

  it("finds itself when one letter of a hook is wrong", () => {
    const hooks = ["open", "message", "close", "error", "drain", "ping", "pong"];
    for (const name of hooks)
      for (const wrong of misspelled(name))
        if (!hooks.includes(wrong)) expect([wrong, nearestNames(wrong, hooks)]).toEqual([wrong, expect.arrayContaining([name])]);
  });

  it("of a class with helpers of its own is taken, and one that is frozen, or a Proxy", () => {
    class Chat {
      open(): void {}
      close(): void {}
      closed(): void {}
      greet(): void {}
      onTick(): void {}
      #secret(): void {}
      use(): void {
        this.#secret();
      }
    }
    for (const good of [new Chat(), Object.freeze({ ...handler }), new Proxy(handler, {}), Object.assign(Object.create(null) as object, handler)]) {
      expect(() => websocket(good as ConnectionHandler)).not.toThrow();
    }
  });

  it("that is no handler gets its clients 500 where only the request shows it, and is reported with the request", async () => {
    const told: unknown[] = [];
    const served = await serve((() => {}) as never, { onError: (error, { request }) => void told.push((error as Error).name, request?.path) });
    const client = await WireClient.connect({ port: served.port, path: "/x" });
    expect([client.status, told]).toEqual([500, ["TypeError", "/x"]]);
  });
});

describe("refuse", () => {
  it.each([101, 200, 204, 302, 399, 600, 0, 401.5, Number.NaN, "401", undefined])("%s is no status that refuses", (status) => {
    expect(() => refuse(status as 401)).toThrow(RangeError);
  });

  it.each<[Record<string, unknown>, string]>([
    [{ "www-authenticate": "\n" }, "www-authenticate"],
    [{ "www-authenticate": "€" }, "www-authenticate"],
    [{ "a b": "x" }, "a b"],
    [{ "x-a": undefined }, "x-a"],
    [{ "x-a": ["a"] }, "x-a"],
    [{ "Content-Length": "5" }, "Content-Length"],
    [{ "transfer-encoding": "chunked" }, "transfer-encoding"],
    [{ connection: "keep-alive" }, "connection"],
    [{ upgrade: "h2c" }, "upgrade"],
  ])("refuses the headers %j and names the one", (headers, name) => {
    expect(() => refuse(401, "no", headers as Record<string, string>)).toThrow(TypeError);
    expect(() => refuse(401, "no", headers as Record<string, string>)).toThrow(JSON.stringify(name));
  });

  it("wants text as the body, and a plain object of headers", () => {
    expect(() => refuse(401, { error: "no" } as never)).toThrow("the body is an object; give a string");
    expect(() => refuse(401, "no", new Headers() as never)).toThrow(TypeError);
  });

  it.each(["an older copy of core", "one that was changed"])("answers 500 in place of a broken refusal, of %s, and reports it", async () => {
    const told: unknown[] = [];
    const broken = Object.assign(refuse(401), { headers: { "x-a": "a\r\nx-forged: 1" }, status: 101 });
    const served = await serve(undefined, {
      authorize: async () => broken,
      onError: (error, { request }) => void told.push((error as Error).name, request?.path),
    });
    const client = await WireClient.connect({ port: served.port, path: "/x" });
    expect([client.status, client.answer.header("x-forged"), told]).toEqual([500, undefined, ["RangeError", "/x"]]);
  });

  it("has a length, for proxies that cannot read chunks", async () => {
    const served = await serve(undefined, { authorize: () => refuse(403, "né") });
    const client = await WireClient.connect({ port: served.port, path: "/" });
    expect([client.answer.header("content-length"), client.answer.header("transfer-encoding"), client.body]).toEqual(["3", undefined, "né"]);
  });

  it("answers a bare 500 when middleware made writeHead throw", async () => {
    const told: unknown[] = [];
    const upgrader = new Upgrader({ authorize: () => refuse(403), onError: (error) => void told.push((error as Error).message) });
    const server = createServer((req, res) => {
      res.writeHead = () => {
        throw new Error("a fault of middleware");
      };
      void upgrader.upgrade(req, res);
    });
    attach(server);
    await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
    onTestFinished(() => void server.close());
    const client = await WireClient.connect({ port: (server.address() as AddressInfo).port, path: "/" });
    expect([client.status, told]).toEqual([500, ["a fault of middleware"]]);
  });
});

describe("what is attached", () => {
  it.each<[unknown, string]>([
    [undefined, "undefined is no server"],
    [(): void => {}, "a function is no server; write attach(createServer(app))"],
    [Object.assign(() => {}, { listen() {}, on() {}, listeners: () => [] }), "this is an Express application: write attach(app.listen(8080))"],
    [{ callback() {}, listen() {}, on() {}, listeners: () => [] }, "this is a Koa application: write attach(app.listen(8080))"],
    [{ register() {}, close() {} }, "this is a Fastify application: write await app.register(attach)"],
    [{ fetch() {}, on() {} }, "this is a Hono application: write attach(serve({ fetch: app.fetch"],
  ])("is a server, and %o is told what to write", async (given, text) => {
    expect(await textOf(() => attach(given as never))).toContain(`TypeError: attach: ${text}`);
  });
});

it("answers at once when websocket itself is the listener", async () => {
  const server = createServer(websocket as never);
  attach(server);
  await new Promise<void>((listening) => void server.listen(0, "127.0.0.1", listening));
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  expect((await fetch(`http://127.0.0.1:${port}/`)).status).toBe(500);
  const client = await WireClient.connect({ port, path: "/" });
  expect([client.status, client.body]).toEqual([500, expect.stringContaining("write createServer(websocket(handler))")]);
});
