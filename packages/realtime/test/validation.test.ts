import { createRealtime, defineContract, request, topic, type Contract } from "@upwire/realtime";
import type { StandardSchema } from "@upwire/protocol";
import { FakeClock } from "@upwire/testing";
import { type } from "arktype";
import * as v from "valibot";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { MemoryRoute } from "./helpers/memory-clients.ts";

/** A text of at most 5 characters, and its length: what goes in is another thing than what comes out. */
interface Schemas {
  readonly short: StandardSchema<string, { readonly text: string; readonly length: number }>;
  readonly number: StandardSchema<number>;
}

const libraries: Readonly<Record<string, Schemas>> = {
  "Zod 4": {
    short: z
      .string()
      .max(5)
      .transform((text) => ({ text, length: text.length })),
    number: z.number(),
  },
  "Zod 4, async": {
    short: z
      .string()
      .refine(async (text) => text.length <= 5)
      .transform(async (text) => ({ text, length: text.length })),
    number: z.number().refine(async () => true),
  },
  Valibot: {
    short: v.pipe(
      v.string(),
      v.maxLength(5),
      v.transform((text) => ({ text, length: text.length })),
    ),
    number: v.number(),
  },
  "Valibot, async": {
    short: v.pipeAsync(
      v.string(),
      v.checkAsync(async (text) => text.length <= 5),
      v.transformAsync(async (text) => ({ text, length: text.length })),
    ),
    number: v.pipeAsync(
      v.number(),
      v.checkAsync(async () => true),
    ),
  },
  ArkType: { short: type("string <= 5").pipe((text) => ({ text, length: text.length })), number: type("number") },
};

const refused = (re: number) => ({
  re,
  error: { code: "invalid_payload", message: expect.any(String) as unknown, retryable: false, details: [{ message: expect.any(String) as unknown }] },
});

describe.each(Object.entries(libraries))("a contract of %s", (name, { short, number }) => {
  const contract = defineContract({
    events: { said: short },
    requests: { measure: request(short, number), wrong: request(number, number) },
    topics: { news: topic({ events: { headline: short }, state: number }), bad: topic({ events: {}, state: number }) },
  });

  function open() {
    const heard: unknown[] = [];
    /** Faults that belong to no connection. */
    const reported: unknown[] = [];
    const realtime = createRealtime(contract, {
      events: { said: ({ payload }) => void heard.push(payload) },
      requests: { measure: ({ payload }) => payload.length, wrong: () => "no number" as unknown as number },
      topics: {
        news: { canSubscribe: () => true, canPublish: ({ payload }) => payload.length > 1, state: () => 5 },
        bad: { canSubscribe: () => true, state: () => "no number" as unknown as number },
      },
      options: { onError: (error) => void reported.push(error) },
    });
    return { heard, reported, realtime, route: new MemoryRoute(realtime, { maxMessageBytes: 10_000 }) };
  }

  it("is kept by clients, whose functions get what the schema makes of it", async () => {
    const { heard, route } = open();
    const client = await route.client();
    expect(await client.ask({ type: "said", payload: "hi" })).toEqual([]);
    expect(heard).toEqual([{ text: "hi", length: 2 }]);
    expect(await client.ask({ type: "said", payload: "too long" })).toEqual([
      { type: "upwire.error", payload: { code: "invalid_payload", message: expect.any(String) as unknown } },
    ]);
    expect(heard).toHaveLength(1);
    expect(await client.ask({ type: "measure", id: 1, payload: "hello" })).toEqual([{ re: 1, payload: 5 }]);
    expect(await client.ask({ type: "measure", id: 2, payload: "too long" })).toEqual([refused(2)]);
    expect(await client.ask({ type: "measure", id: 3 })).toEqual([refused(3)]);
    expect(await client.ask({ type: "headline", topic: "news", id: 4, payload: "too long" })).toEqual([refused(4)]);
    expect(await client.ask({ type: "headline", topic: "news", id: 5, payload: "x" })).toMatchObject([{ re: 5, error: { code: "forbidden" } }]);
    expect(route.errors).toEqual([]);
  });

  it("is kept by the server, whose faults are its own", async () => {
    const { realtime, reported, route } = open();
    const client = await route.client();
    const internal = (re: number) => ({ re, error: { code: "internal", message: "The server failed", retryable: false } });
    expect(await client.ask({ type: "wrong", id: 1, payload: 1 })).toEqual([internal(1)]);
    expect(route.errors).toMatchObject([{ name: "TypeError", message: expect.stringContaining("reply: it is not what the contract says") as unknown }]);
    expect(await client.ask({ type: "upwire.subscribe", id: 2, topic: "news" })).toMatchObject([{ re: 2, payload: { state: 5, resumed: false } }]);
    expect(await client.ask({ type: "upwire.subscribe", id: 3, topic: "bad" })).toMatchObject([{ re: 3, error: { code: "internal" } }]);
    expect(reported).toMatchObject([{ name: "TypeError", message: expect.stringContaining("state of bad: it is not what the contract says") as unknown }]);
    const news = realtime.topic("news");
    await Promise.all([news.publish("headline", "one"), news.publish("headline", "two")]);
    await expect(news.publish("headline", "too long")).rejects.toMatchObject({ code: "invalid_payload" });
    expect(await client.heard()).toMatchObject([
      { offset: 1, payload: { text: "one", length: 3 } },
      { offset: 2, payload: { text: "two", length: 3 } },
    ]);
    if (name.endsWith("async")) {
      expect(() => realtime.send("said", "hi")).toThrow(/its schema is async/);
    } else {
      expect((await realtime.send("said", "hi")).reached).toBe(1);
      expect(await client.heard()).toEqual([{ type: "said", payload: { text: "hi", length: 2 } }]);
      expect(() => realtime.send("said", "too long")).toThrow(expect.objectContaining({ code: "invalid_payload" }) as Error);
    }
  });
});

describe("a schema", () => {
  const made = (validate: (value: unknown) => unknown): StandardSchema => ({ "~standard": { version: 1, vendor: "test", validate: validate as never } });
  const contractOf = (schema: StandardSchema) =>
    defineContract({
      requests: {
        ask: request(
          schema,
          made((value) => ({ value })),
        ),
      },
    });

  it("tells at most eight issues, each of a bounded length, with paths", async () => {
    const issues = Array.from({ length: 1000 }, (_, index) => ({
      message: "m".repeat(1000),
      path: ["list", { key: index }, Symbol("s"), ...Array.from({ length: 100 }, () => "x")],
    }));
    const client = await new MemoryRoute(createRealtime(contractOf(made(() => ({ issues }))), { requests: { ask: () => 1 } })).client();
    const [answer] = (await client.ask({ type: "ask", id: 1 })) as [
      { readonly error: { readonly details: { readonly message: string; readonly path: unknown[] }[] } },
    ];
    const { details } = answer.error;
    expect(details).toHaveLength(8);
    expect(details[0]?.message).toHaveLength(201);
    expect(details[0]?.path).toHaveLength(16);
    expect(details[1]?.path.slice(0, 4)).toEqual(["list", 1, "Symbol(s)", "x"]);
  });

  it("that never answers has the deadline of a function", async () => {
    const clock = new FakeClock();
    const realtime = createRealtime(contractOf(made(() => new Promise(() => {}))), { clock, requests: { ask: () => 1 } });
    const client = await new MemoryRoute(realtime).client();
    expect(await client.ask({ type: "ask", id: 1 })).toEqual([]);
    clock.advance(30_000);
    expect(await client.heard()).toMatchObject([{ re: 1, error: { code: "timeout", retryable: true } }]);
    expect(realtime.stats.inFlight).toBe(0);
  });

  it("may be cancelled while it looks", async () => {
    let runs = 0;
    const waits: ((result: unknown) => void)[] = [];
    const contract = contractOf(made(() => new Promise((resolve) => waits.push(resolve))));
    const client = await new MemoryRoute(createRealtime(contract, { requests: { ask: () => ++runs } })).client();
    client.say({ type: "ask", id: 1 });
    expect(await client.ask({ type: "upwire.cancel", re: 1 })).toMatchObject([{ re: 1, error: { code: "cancelled" } }]);
    waits[0]?.({ value: 5 });
    expect(await client.heard()).toEqual([]);
    expect(runs).toBe(0);
  });
});

describe("a contract that does not fit its options", () => {
  const contract = defineContract({
    events: { said: z.string() },
    requests: { ask: request(z.number(), z.number()) },
    topics: { "room:{room}": topic({ events: { message: z.string() } }) },
  });
  const create =
    (options: object, of: Contract = contract) =>
    () =>
      createRealtime(of, options as never);
  const requests = { ask: () => 1 };

  it.each<[string, () => unknown, RegExp]>([
    ["a request without a function", create({}), /there is no function for it/],
    ["a request that it does not have", create({ requests: { ...requests, other: () => 1 } }), /the contract has no "other"; it has "ask"/],
    ["an event that it does not have", create({ requests, events: { sayd: () => 1 } }), /the contract has no "sayd"/],
    ["a pattern that it does not have", create({ requests, topics: { "rom:{room}": {} } }), /the contract has no "rom:\{room\}"/],
    ["a function that is none", create({ requests: { ask: 5 } }), /ask is no function/],
    [
      "a rule that does not exist",
      create({ requests, topics: { "room:{room}": { canSubcribe: () => true } } }),
      /there is no option "canSubcribe"; write "canSubscribe"/,
    ],
    ["a history that cannot be", create({ requests, topics: { "room:{room}": { history: { messages: 0 } } } }), /messages: 0 is not allowed/],
    [
      "a parameter with the name of something else",
      create({ topics: { "room:{user}": {} } }, { topics: { "room:{user}": topic({ events: {} }) } }),
      /has a parameter user/,
    ],
    ["no schema", () => createRealtime({ events: { said: 5 as never } }, {}), /is no schema/],
  ])("%s", (_, make, message) => {
    expect(make).toThrow(message);
    expect(make).toThrow(TypeError);
  });

  it("says what it has where the server sends what it has not", async () => {
    const realtime = createRealtime(contract, { requests });
    expect(() => realtime.send("other" as "said", "x")).toThrow(/the contract has no event "other"; it has said/);
    expect(() => realtime.topic("other" as "room:{room}", { room: "a" })).toThrow(/there is no pattern "other"; there are "room:\{room\}"/);
    expect(() => realtime.topic("room:{room}", { name: "a" } as never)).toThrow(/parameter room is undefined/);
    await expect(realtime.topic("room:{room}", { room: "a" }).publish("other" as "message", "x")).rejects.toThrow(
      /the contract has no event "other"; it has message/,
    );
    await expect(realtime.topic("room:{room}", { room: "a" }).publish("message", "x", { kee: "k" } as never)).rejects.toThrow(
      /there is no option "kee"; write "key"/,
    );
  });
});
