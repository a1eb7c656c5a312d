import { createRealtime, RealtimeError } from "@upwire/realtime";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

/** A promise of a test, and what settles it. */
function later<Value>(): { readonly promise: Promise<Value>; readonly resolve: (value: Value) => void; readonly reject: (error: unknown) => void } {
  let settle!: { resolve: (value: Value) => void; reject: (error: unknown) => void };
  const promise = new Promise<Value>((resolve, reject) => (settle = { resolve, reject }));
  return { promise, ...settle };
}

const failed = (re: number, code: string, retryable = false) => ({ re, error: expect.objectContaining({ code, retryable }) as unknown });

describe("a request", () => {
  it("is answered with what its function gives, at once or later, and none hinders another", async () => {
    const slow = later<string>();
    const realtime = createRealtime({
      requests: {
        double: ({ payload }) => 2 * (payload as number),
        slow: () => slow.promise,
        nothing: () => undefined,
        bytes: ({ payload }) => Buffer.from(payload as string),
      },
    });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "slow", id: 1 });
    client.say({ type: "double", id: 2, payload: 21 });
    client.say({ type: "nothing", id: 3 });
    client.say({ type: "bytes", id: 4, payload: "raw" });
    expect(await client.heard()).toEqual([{ re: 2, payload: 42 }, { re: 3 }, { re: 4, bytes: "raw" }]);
    expect(realtime.stats.inFlight).toBe(1);
    slow.resolve("done");
    expect(await client.heard()).toEqual([{ re: 1, payload: "done" }]);
    expect(realtime.stats).toMatchObject({ inFlight: 0, received: { request: 4 }, errors: {} });
  });

  it("tells the client what is meant for it, and everything else as internal, which onError gets", async () => {
    const fault = new Error("the database is down");
    const realtime = createRealtime({
      requests: {
        poor: () => {
          throw new RealtimeError("not_enough", "you have 3 left", { details: { left: 3 } });
        },
        later: () => Promise.reject(new RealtimeError("rate_limited")),
        broken: () => Promise.reject(fault),
        circular: () => {
          const one: Record<string, unknown> = {};
          one["self"] = one;
          return one;
        },
      },
    });
    const route = new MemoryRoute(realtime);
    const client = await route.client();
    expect(await client.ask({ type: "poor", id: 1 })).toEqual([
      { re: 1, error: { code: "not_enough", message: "you have 3 left", retryable: false, details: { left: 3 } } },
    ]);
    expect(await client.ask({ type: "later", id: 2 })).toEqual([failed(2, "rate_limited", true)]);
    expect(await client.ask({ type: "broken", id: 3 })).toEqual([failed(3, "internal")]);
    expect(await client.ask({ type: "circular", id: 4 })).toEqual([failed(4, "internal")]);
    expect(route.errors).toEqual([fault, expect.any(TypeError)]);
    expect(client.connection.isOpen).toBe(true);
    expect(realtime.stats.errors).toEqual({ application: 1, rate_limited: 1, internal: 2 });
  });

  it("has an end after requestTimeoutMs, and its signal says so; what comes later is nothing", async () => {
    const clock = new FakeClock();
    const slow = later<string>();
    const signals: AbortSignal[] = [];
    const slowly = ({ signal }: { readonly signal: AbortSignal }): Promise<string> => {
      signals.push(signal);
      return slow.promise;
    };
    const route = new MemoryRoute(createRealtime({ clock, limits: { requestTimeoutMs: 1000 }, requests: { slowly } }));
    const client = await route.client();
    client.say({ type: "slowly", id: 1 });
    clock.advance(999);
    expect(await client.heard()).toEqual([]);
    expect(signals[0]?.aborted).toBe(false);
    clock.advance(1);
    expect(await client.heard()).toEqual([failed(1, "timeout", true)]);
    expect(signals[0]?.reason).toMatchObject({ code: "timeout" });
    slow.reject(new Error("aborted, as it should"));
    expect(await client.heard()).toEqual([]);
    expect(route.errors).toEqual([]);
  });

  it("is aborted when the client cancels it or leaves, and a cancel of what is not in flight is nothing", async () => {
    const signals: AbortSignal[] = [];
    const hang = ({ signal }: { readonly signal: AbortSignal }): Promise<never> => {
      signals.push(signal);
      return new Promise(() => {});
    };
    const realtime = createRealtime({ requests: { hang } });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "hang", id: 1 });
    client.say({ type: "hang", id: 2 });
    client.say({ type: "upwire.cancel", re: 9 });
    client.say({ type: "upwire.cancel", re: 1 });
    client.say({ type: "upwire.cancel", re: 1 });
    expect(await client.heard()).toEqual([failed(1, "cancelled")]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false]);
    client.peer.close(1000);
    await client.heard();
    expect(signals[1]?.reason).toMatchObject({ code: "connection_lost" });
    expect(realtime.stats.inFlight).toBe(0);
  });

  it("is refused when its id is in flight, or too many are, and runs when there is room again", async () => {
    const waits: ReturnType<typeof later<number>>[] = [];
    const wait = (): Promise<number> => {
      const one = later<number>();
      waits.push(one);
      return one.promise;
    };
    const realtime = createRealtime({ limits: { requests: 2 }, requests: { wait } });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "wait", id: 1 });
    client.say({ type: "wait", id: 1 });
    client.say({ type: "wait", id: 2 });
    client.say({ type: "wait", id: 3 });
    expect(await client.heard()).toEqual([failed(1, "duplicate_id"), failed(3, "too_many")]);
    waits[0]?.resolve(10);
    expect(await client.heard()).toEqual([{ re: 1, payload: 10 }]);
    client.say({ type: "wait", id: 1 });
    waits[2]?.resolve(30);
    expect(await client.heard()).toEqual([{ re: 1, payload: 30 }]);
    expect(waits).toHaveLength(3);
  });
});

describe("a request with a key", () => {
  const user = { authorize: ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) => ({ id: String(headers["x-user"]) }) };

  it("runs once: a second one joins it while it runs, on another connection too, and gets its result afterwards", async () => {
    const clock = new FakeClock();
    const runs: ReturnType<typeof later<string>>[] = [];
    const pay = (): Promise<string> => {
      const one = later<string>();
      runs.push(one);
      return one.promise;
    };
    const realtime = createRealtime({ ...user, clock, requests: { pay } });
    const route = new MemoryRoute(realtime);
    const first = await route.client({ "x-user": "ann" });
    const second = await route.client({ "x-user": "ann" });
    const stranger = await route.client({ "x-user": "bob" });
    first.say({ type: "pay", id: 1, key: "k" });
    first.say({ type: "pay", id: 2, key: "k" });
    second.say({ type: "pay", id: 7, key: "k" });
    stranger.say({ type: "pay", id: 1, key: "k" });
    await first.heard();
    expect(runs).toHaveLength(2);
    // It runs on without the one who asked: it may come back.
    first.peer.destroy();
    await first.heard();
    runs[0]?.resolve("paid");
    expect(await second.heard()).toEqual([{ re: 7, payload: "paid" }]);
    expect(await stranger.heard()).toEqual([]);
    const back = await route.client({ "x-user": "ann" });
    expect(await back.ask({ type: "pay", id: 1, key: "k" })).toEqual([{ re: 1, payload: "paid" }]);
    expect(runs).toHaveLength(2);
    expect(realtime.stats.remembered).toBe(1);
    clock.advance(120_000);
    expect(realtime.stats.remembered).toBe(0);
    back.say({ type: "pay", id: 2, key: "k" });
    await back.heard();
    expect(runs).toHaveLength(3);
  });

  it("runs anew after an error, which only those who waited for it get", async () => {
    const runs: ReturnType<typeof later<string>>[] = [];
    const sell = (): Promise<string> => {
      const one = later<string>();
      runs.push(one);
      return one.promise;
    };
    const client = await new MemoryRoute(createRealtime({ requests: { sell } })).client();
    for (const id of [1, 2]) client.say({ type: "sell", id, key: "k" });
    runs[0]?.reject(new RealtimeError("sold_out", "come back"));
    expect(await client.heard()).toEqual([failed(1, "sold_out"), failed(2, "sold_out")]);
    client.say({ type: "sell", id: 3, key: "k" });
    runs[1]?.resolve("sold");
    expect(await client.heard()).toEqual([{ re: 3, payload: "sold" }]);
  });

  it("is remembered within bounds, the newest, and one that never settles is given up", async () => {
    const clock = new FakeClock();
    let runs = 0;
    const realtime = createRealtime({
      clock,
      limits: { rememberedReplies: 2, rememberedBytes: 2000, requestTimeoutMs: 10 },
      requests: { count: () => ++runs, long: () => "x".repeat(5000), hang: () => new Promise(() => {}) },
    });
    const client = await new MemoryRoute(realtime).client();
    for (const [index, key] of ["a", "b", "c", "a", "c"].entries()) client.say({ type: "count", id: index + 1, key });
    expect(((await client.heard()) as { readonly payload: number }[]).map(({ payload }) => payload)).toEqual([1, 2, 3, 4, 3]);
    expect(realtime.stats.remembered).toBe(2);
    await client.ask({ type: "long", id: 1, key: "long" });
    expect(realtime.stats.remembered).toBe(2);
    for (const id of [1, 2, 3]) client.say({ type: "hang", id, key: `h${id}` });
    expect(await client.heard()).toEqual([failed(3, "unavailable", true)]);
    clock.advance(10);
    expect(await client.heard()).toEqual([failed(1, "timeout", true), failed(2, "timeout", true)]);
    clock.advance(120_000);
    client.say({ type: "hang", id: 4, key: "h4" });
    expect(await client.heard()).toEqual([]);
    expect(realtime.stats.inFlight).toBe(1);
  });

  it("is remembered over a restart", async () => {
    const clock = new FakeClock();
    let runs = 0;
    const options = { ...user, clock, requests: { count: () => ++runs, bytes: () => Buffer.from("raw"), nothing: () => void runs++ } };
    const before = createRealtime(options);
    const client = await new MemoryRoute(before).client({ "x-user": "ann" });
    const types = ["count", "bytes", "nothing"];
    for (const [index, type] of types.entries()) client.say({ type, id: index + 1, key: "k" });
    const answers = await client.heard();
    expect(answers).toEqual([{ re: 1, payload: 1 }, { re: 2, bytes: "raw" }, { re: 3 }]);
    clock.advance(100_000);
    const restore = await before.save();
    await before.stop();
    const after = createRealtime({ ...options, restore });
    const again = await new MemoryRoute(after).client({ "x-user": "ann" });
    for (const [index, type] of types.entries()) again.say({ type, id: index + 1, key: "k" });
    expect(await again.heard()).toEqual(answers);
    expect(runs).toBe(2);
    clock.advance(20_000);
    expect(after.stats.remembered).toBe(0);
    for (const bytes of [Buffer.from("junk"), restore.subarray(0, 30), Buffer.concat([restore.subarray(0, 18), Buffer.from([255, 255, 255, 255])])]) {
      expect(() => createRealtime({ ...options, restore: bytes })).toThrow(/not made by save/);
    }
  });
});
