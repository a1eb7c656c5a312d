import { Upgrader, type Connection, type ConnectionHandler } from "@upwire/core";
import { createRealtime } from "@upwire/realtime";
import { memoryRequest } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

const error = (code: string) => ({ type: "error", payload: { code, message: expect.any(String) as unknown } });

describe("a plain client without a fallback", () => {
  it("says events as { type, payload }, whatever else they hold, and gets an answer only where something is wrong", async () => {
    const seen: unknown[] = [];
    const realtime = createRealtime({ events: { typing: ({ payload }) => void seen.push(payload) }, requests: { ask: () => 1 } });
    const client = await new MemoryRoute(realtime).plain();
    expect(await client.ask({ type: "typing", payload: 1, id: "no id", topic: 5, re: 9, key: "" })).toEqual([]);
    expect(seen).toEqual([1]);
    expect(await client.ask({ type: "ask", id: 1 })).toEqual([error("unknown_type")]);
    expect(await client.ask({ type: "upwire.subscribe", id: 1, topic: "news" })).toEqual([error("unsupported")]);
    client.peer.text("hello?");
    client.peer.text('["typing"]');
    client.peer.text('{"type":"typing","payload":{"__proto__":1}}');
    client.peer.binary(Buffer.from("raw"));
    expect(await client.ask({ type: 5 })).toEqual([
      error("bad_message"),
      error("bad_message"),
      error("bad_message"),
      error("bad_message"),
      error("bad_message"),
    ]);
    expect(client.connection.isOpen).toBe(true);
  });

  it("is closed with 4400 after ten bad frames", async () => {
    const client = await new MemoryRoute(createRealtime({})).plain();
    for (let count = 0; count < 12; count++) client.peer.text("hello?");
    const heard = await client.heard();
    expect(heard.slice(0, 10)).toEqual(Array.from({ length: 10 }, () => error("bad_message")));
    expect(heard.slice(10)).toEqual(["close 4400 10 bad frames"]);
  });
});

describe("a fallback", () => {
  it("gets every hook for plain clients as core calls them, and none for the others", async () => {
    const told: string[] = [];
    const note =
      (hook: string) =>
      (...given: readonly unknown[]): void =>
        void told.push(`${hook} ${given.length} ${(given[0] as Connection).subprotocol}`);
    const fallback: ConnectionHandler = {
      open: note("open"),
      message: (connection, message) => {
        note("message")(connection, message);
        connection.send(JSON.stringify(message.text().toUpperCase()));
      },
      close: note("close"),
      ping: note("ping"),
      pong: note("pong"),
      error: note("error"),
      leaving: note("leaving"),
    };
    const route = new MemoryRoute(createRealtime({ fallback }));
    const [plain, other] = [await route.plain(), await route.client()];
    plain.peer.text("hello");
    plain.peer.ping("1");
    plain.peer.pong("2");
    other.peer.ping("3");
    expect(await plain.heard()).toEqual(["pong 1", "HELLO"]);
    other.peer.breakRule();
    plain.peer.breakRule();
    await plain.heard();
    await other.heard();
    expect(told).toEqual(["open 2 ", "message 2 ", "ping 2 ", "pong 2 ", "error 2 ", "close 2 "]);
  });

  it("keeps its concurrency, and messages wait for its open", async () => {
    let running = 0;
    let most = 0;
    const settle: (() => void)[] = [];
    let isOpen: () => void = () => {};
    const realtime = createRealtime({
      fallback: {
        concurrency: 2,
        open: () => new Promise<void>((resolve) => (isOpen = resolve)),
        async message() {
          most = Math.max(most, ++running);
          await new Promise<void>((resolve) => settle.push(resolve));
          running--;
        },
      },
      requests: { hang: () => new Promise(() => {}) },
    });
    const route = new MemoryRoute(realtime);
    const plain = await route.plain();
    for (let count = 0; count < 5; count++) plain.peer.text("x");
    await plain.heard();
    expect(most).toBe(0);
    isOpen();
    await plain.heard();
    expect(most).toBe(2);
    for (let count = 0; count < 5; count++) {
      settle.shift()?.();
      await plain.heard();
    }
    expect([most, running]).toEqual([2, 0]);
    const client = await route.client();
    for (const id of [1, 2, 3, 4]) client.say({ type: "hang", id });
    expect(await client.ask({ type: "upwire.ping", id: 5 })).toEqual([{ re: 5 }]);
  });

  it("brings its options, which stand behind those of the realtime", async () => {
    const fallback: ConnectionHandler = { options: { subprotocols: ["chat.v1"], maxMessageBytes: 5, authorize: () => "by the fallback" }, message: () => {} };
    const open = async (realtime: object, offered: string): Promise<unknown> => {
      const upgrader = Upgrader.forRoute<unknown, unknown>(realtime);
      const approval = await upgrader.decide(memoryRequest({ headers: { "sec-websocket-protocol": offered } }));
      return approval.ok ? [approval.subprotocol, approval.context] : approval.code;
    };
    const plain = createRealtime({ fallback });
    expect(await open(plain, "chat.v1")).toEqual(["chat.v1", "by the fallback"]);
    expect(await open(plain, "chat.v1, upwire.v1")).toEqual(["upwire.v1", "by the fallback"]);
    expect(await open(createRealtime({ authorize: () => "by the realtime", fallback }), "upwire.auth.eA, chat.v1")).toEqual(["chat.v1", "by the realtime"]);
    const picky = createRealtime({ fallback: { message: () => {}, options: { subprotocols: (offered) => offered.at(-1) } } });
    expect(await open(picky, "chat.v1, chat.v2")).toEqual(["chat.v2", undefined]);
    expect(await open(picky, "upwire.v1, chat.v2")).toEqual(["upwire.v1", undefined]);
    expect([plain.options?.maxMessageBytes, plain.options?.slowConsumer]).toEqual([5, "drop-newest"]);
    expect(createRealtime({ fallback, options: { maxMessageBytes: 7, slowConsumer: "close" } }).options).toMatchObject({
      maxMessageBytes: 7,
      slowConsumer: "close",
    });
  });

  it("is refused when it is no handler, or takes streams", () => {
    const make = (fallback: object) => () => createRealtime({ fallback });
    expect(make({ stream: () => {} })).toThrow(/takes messages as streams/);
    expect(make({ onmessage: () => {} })).toThrow(/there is no hook "onmessage"; write "message"/);
    expect(make({})).toThrow(/has no hook/);
    expect(make({ message: 5 })).toThrow(/the hook message is a number/);
    expect(make({ message: () => {}, options: { origins: [] } })).toThrow(/there is no option "origins"/);
  });
});

it("tells clients of upwire.v1 when to come back, right before the close", async () => {
  const route = new MemoryRoute(createRealtime({}));
  const client = await route.client();
  const leave = route.leaving(client.connection, { code: 1012, retryAfterMs: 1500.4 });
  expect(leave).toBeUndefined();
  route.leaving(client.connection, { code: 1001, retryAfterMs: undefined });
  expect(await client.heard()).toEqual([{ type: "upwire.reconnect", payload: { afterMs: 1500 } }]);
});

describe("options of a realtime that cannot be meant", () => {
  it.each<[string, object, RegExp]>([
    ["an option that does not exist", { autorize: () => 1 }, /there is no option "autorize"; write "authorize"/],
    ["a limit that does not exist", { limits: { request: 1 } }, /there is no option "request"; write "requests"/],
    ["a limit that is none", { limits: { requests: 0 } }, /requests: 0 is not allowed; give a whole number from 1/],
    ["no broker", { broker: { publish: () => {} } }, /give a broker, such as memoryBroker/],
    ["patterns that can have the same name", { topics: { "room:{a}": {}, "room:tea": {} } }, /can have the same name/],
    ["no pattern", { topics: { "room:{": {} } }, /topic pattern "room:\{" is not allowed/],
    ["no function", { events: { typing: 5 } }, /typing is no function/],
    ["nothing at all", 5 as unknown as object, /the options are a number/],
  ])("%s", (_, options, message) => {
    expect(() => createRealtime(options)).toThrow(message);
  });
});
