import { createHub, Message, Upgrader, type RateLimit } from "@upwire/core";
import { describe, expect, it } from "vitest";
import { resolveRateLimit } from "../../src/base/rate-limit-options.ts";
import { Throttle } from "../../src/connection/rate-limit.ts";
import { parseJson } from "../../src/wire/parse-json.ts";
import { FakeClock } from "../helpers/fake-clock.ts";
import { closing, event, serve } from "../helpers/served.ts";

describe("a rate limit", () => {
  function throttle(limit: RateLimit): { clock: FakeClock; throttled: Throttle; log: string[] } {
    const resolved = resolveRateLimit(limit);
    if (resolved === undefined) throw new Error("nothing is limited");
    const clock = new FakeClock();
    const log: string[] = [];
    const throttled = new Throttle(resolved, clock, {
      throttled: () => void log.push("held"),
      unthrottled: () => void log.push("released"),
      overrun: () => void log.push("overrun"),
    });
    return { clock, throttled, log };
  }

  it("lets a burst through, then one message for each token that came back", () => {
    const { clock, throttled, log } = throttle({ messagesPerSecond: 10, messageBurst: 3 });
    for (let i = 0; i < 3; i++) throttled.charge(1);
    expect(log).toEqual([]);
    throttled.charge(1);
    expect(log).toEqual(["held"]);
    clock.advance(99);
    expect(log).toEqual(["held"]);
    clock.advance(1);
    expect(log).toEqual(["held", "released"]);
    clock.advance(100);
    throttled.charge(1);
    expect(log).toEqual(["held", "released"]);
  });

  it("stays held for as long as all that came meanwhile takes", () => {
    const { clock, throttled, log } = throttle({ messagesPerSecond: 10, messageBurst: 1 });
    for (let i = 0; i < 5; i++) throttled.charge(1);
    clock.advance(399);
    expect(log).toEqual(["held"]);
    clock.advance(1);
    expect(log).toEqual(["held", "released"]);
  });

  it("counts bytes apart from messages", () => {
    const { clock, throttled, log } = throttle({ messagesPerSecond: 1000, bytesPerSecond: 1000, byteBurst: 500 });
    throttled.charge(500);
    throttled.charge(250);
    expect(log).toEqual(["held"]);
    clock.advance(250);
    expect(log).toEqual(["held", "released"]);
  });

  it("gives up on a client that never lets its bucket fill to half", () => {
    const { clock, throttled, log } = throttle({ messagesPerSecond: 10, messageBurst: 4, patienceMs: 1000 });
    const twice = (): void => {
      throttled.charge(1);
      throttled.charge(1);
    };
    for (let i = 0; i < 12; i++) {
      twice();
      clock.advance(100);
    }
    expect(log).not.toContain("overrun");
    twice();
    expect(log).toContain("overrun");
  });

  it("lets everything through that a client sent at its rate while the server paused, once", () => {
    const clock = new FakeClock();
    const log: string[] = [];
    const server = { lateMs: 0 };
    const limit = resolveRateLimit({ messagesPerSecond: 10, messageBurst: 5, patienceMs: 1000 });
    if (limit === undefined) throw new Error("nothing is limited");
    const throttled = new Throttle(
      limit,
      clock,
      { throttled: () => void log.push("held"), unthrottled: () => void log.push("released"), overrun: () => void log.push("overrun") },
      server,
    );
    clock.pause(20_000);
    server.lateMs = 19_000;
    for (let i = 0; i < 195; i++) throttled.charge(1);
    expect(log).toEqual([]);
    throttled.charge(1);
    expect(log).toEqual(["held"]);
    // What is not used of it is gone after as long a time.
    log.length = 0;
    clock.pause(50_000);
    server.lateMs = 69_000;
    throttled.charge(1);
    clock.advance(60_000);
    for (let i = 0; i < 6; i++) throttled.charge(1);
    expect(log).toEqual(["released", "held"]);
  });

  it("forgives one that stops for a while", () => {
    const { clock, throttled, log } = throttle({ messagesPerSecond: 10, messageBurst: 4, patienceMs: 1000 });
    for (let round = 0; round < 20; round++) {
      for (let i = 0; i < 6; i++) throttled.charge(1);
      clock.advance(600);
    }
    expect(log).not.toContain("overrun");
  });

  it.each<[RateLimit]>([
    [{ messagesPerSecond: 0 }],
    [{ messagesPerSecond: Number.NaN }],
    [{ messagesPerSecond: 1, messageBurst: 0 }],
    [{ bytesPerSecond: -1 }],
    [{ bytesPerSecond: Infinity }],
    [{ messagesPerSecond: 1, patienceMs: 0.5 }],
  ])("cannot be %j", (rateLimit) => {
    expect(() => new Upgrader({ rateLimit })).toThrow(RangeError);
  });

  it("does not take a client that it holds back for a dead one", async () => {
    const clock = new FakeClock();
    const served = await serve(
      {},
      { clock, rateLimit: { messagesPerSecond: 0.01, messageBurst: 1, patienceMs: 1e6 }, pingIntervalMs: 1000, pongTimeoutMs: 1000 },
    );
    const client = await served.client();
    const connection = await served.nextConnection();
    client.send("one");
    const pong = event(client, "pong");
    client.ping();
    await pong;
    // Held for 100 s: our pings go out, and no pong can be read.
    clock.advance(50_000);
    expect(connection.state).toBe("open");
    connection.terminate();
  });
});

describe("what a client can make grow", () => {
  it("is counted, each limit by its own code", async () => {
    const clock = new FakeClock();
    const upgrader = new Upgrader({ clock, maxMessageBytes: 10, rateLimit: { messagesPerSecond: 1, messageBurst: 1 } });
    expect(upgrader.stats).toEqual({
      opened: 0,
      open: 0,
      messagesIn: 0,
      messagesOut: 0,
      bytesIn: 0,
      bytesOut: 0,
      queuedBytes: 0,
      refused: {},
      ended: {},
      dropped: 0,
      replaced: 0,
      throttled: 0,
      skippedPongs: 0,
    });
    const served = await serve({}, upgrader);
    const big = await served.client();
    const ended = closing(big);
    big.send("longer than ten bytes");
    await ended;
    const fast = await served.client();
    const pong = event(fast, "pong");
    fast.send("1");
    fast.ping();
    await pong;
    await expect(served.client({ origin: "https://evil.example" })).rejects.toThrow("403");
    expect(upgrader.stats).toMatchObject({ opened: 2, refused: { ERR_ORIGIN: 1 }, ended: { ERR_MESSAGE_TOO_BIG: 1 }, throttled: 1 });
  });

  it("counts the pings that were answered together", async () => {
    const upgrader = new Upgrader();
    const served = await serve({}, upgrader);
    const client = await served.client();
    let pongs = 0;
    const last = new Promise<void>((resolve) => {
      client.on("pong", (data) => {
        pongs++;
        if (data.toString() === "199") resolve();
      });
    });
    for (let i = 0; i < 200; i++) client.ping(String(i));
    await last;
    expect(pongs).toBeLessThan(200);
    expect(upgrader.stats.skippedPongs).toBe(200 - pongs);
  });

  it("has rooms in a number that is bounded, and names that are", async () => {
    const hub = createHub();
    const served = await serve({});
    await served.client();
    const connection = await served.nextConnection();
    const joined = Array.from({ length: 130 }, (_, i) => hub.room(`room ${i}`).add(connection));
    expect(joined.lastIndexOf(true)).toBe(127);
    expect(joined.indexOf(false)).toBe(128);
    expect(hub.rooms()).toHaveLength(128);
    hub.room("room 3").delete(connection);
    expect(hub.room("x".repeat(256)).add(connection)).toBe(false);
    expect(hub.room("x".repeat(255)).add(connection)).toBe(true);
    expect(hub.stats.refusedJoins).toBe(3);
    hub.delete(connection);
    expect(hub.rooms()).toEqual([]);
    expect(() => createHub({ maxRoomsPerConnection: 0 })).toThrow(RangeError);
    expect(() => createHub({ maxRoomNameLength: 1.5 })).toThrow(RangeError);
  });
});

describe("JSON from outside", () => {
  const parse = (text: string, maxDepth = 64): unknown => parseJson(Buffer.from(text), maxDepth);

  it.each([
    ['{"a":[1,2,{"b":"\\"}]"}]}'],
    ['"__proto__"'],
    ['["__proto__","constructor"]'],
    ['{"key":"__proto__", "constructors":1, "_proto_":2}'],
    ["[[[[1]]]]"],
    [`${"[".repeat(64)}${"]".repeat(64)}`],
    [' { "ключ" : "\\u005f" } '],
    ["1e308"],
    ['"\\ud800"'],
  ])("takes %s", (text) => {
    expect(parse(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['{"__proto__":1}', "__proto__"],
    ['{"a":1,"constructor" :1}', "constructor"],
    ['{"a":{"prototype"\n:{}}}', "prototype"],
    [String.raw`{"__pr\u006fto__":1}`, "__proto__"],
    [String.raw`{"\u005f\u005f\u0070\u0072\u006f\u0074\u006f\u005f\u005f":1}`, "__proto__"],
    ["[".repeat(65), "nested deeper than 64"],
    ['{"a":'.repeat(65), "nested deeper than 64"],
    ["[1", "JSON"],
    ['{"a', "JSON"],
    ['"\\', "JSON"],
    ["", "JSON"],
    ["{} {}", "JSON"],
  ])("refuses %s", (text, why) => {
    expect(() => parse(text)).toThrow(SyntaxError);
    expect(() => parse(text)).toThrow(why);
  });

  it("stops at the depth that is asked for, before the parser sees it", () => {
    const message = new Message(Buffer.from("[".repeat(5_000_000)), false);
    expect(() => message.json()).toThrow("invalid JSON");
    expect(() => new Message(Buffer.from("[[1]]"), false).json({ maxDepth: 1 })).toThrow("invalid JSON");
    expect(new Message(Buffer.from("[[1]]"), false).json({ maxDepth: 2 })).toEqual([[1]]);
  });
});
