import { createRealtime, memoryBroker, type LooseOptions } from "@upwire/realtime";
import { defineContract, request } from "@upwire/protocol";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import * as z from "zod";
import { MemoryRoute, type MemoryClient } from "./helpers/memory-clients.ts";

type User = { readonly id: string };
const authorize: LooseOptions<never, User>["authorize"] = ({ headers }) => ({ id: String(headers["x-user"]) });

/** Says many things, a few at a time, and reads the answers. */
async function askAll(client: MemoryClient, count: number, frame: (n: number) => object): Promise<unknown[]> {
  const answers = [];
  for (let n = 1; n <= count; n++) {
    client.say(frame(n));
    if (n % 32 === 0 || n === count) answers.push(...(await client.heard()));
  }
  return answers;
}

describe("what one user has remembered by key", () => {
  it.each([
    ["replies", { rememberedReplies: 20 }],
    ["bytes", { rememberedBytes: 8000 }],
  ])("does not push out what the others have, over the bound of %s, also after a restart", async (_, limits) => {
    let runs = 0;
    const options = { authorize, limits, requests: { count: () => ++runs } };
    const realtime = createRealtime(options);
    const route = new MemoryRoute(realtime);
    const [ann, bob] = [await route.client({ "x-user": "ann" }), await route.client({ "x-user": "bob" })];
    expect(await bob.ask({ type: "count", id: 1, key: "k" })).toEqual([{ re: 1, payload: 1 }]);
    await askAll(ann, 200, (n) => ({ type: "count", id: n, key: `k${n}` }));
    expect(await bob.ask({ type: "count", id: 1, key: "k" })).toEqual([{ re: 1, payload: 1 }]);
    const next = createRealtime({ ...options, restore: await realtime.save() });
    const nextRoute = new MemoryRoute(next);
    const [annAgain, bobAgain] = [await nextRoute.client({ "x-user": "ann" }), await nextRoute.client({ "x-user": "bob" })];
    await askAll(annAgain, 200, (n) => ({ type: "count", id: n, key: `again${n}` }));
    expect(await bobAgain.ask({ type: "count", id: 1, key: "k" })).toEqual([{ re: 1, payload: 1 }]);
  });

  it("gives way before that of a client without an id from another address, and of one with an id", async () => {
    const realtime = createRealtime({
      limits: { rememberedReplies: 20 },
      userId: ({ id }: { id?: string }) => id,
      authorize: ({ headers }) => ({ ...(headers["x-user"] !== undefined && { id: String(headers["x-user"]) }) }),
      requests: { echo: ({ payload }) => payload },
    });
    const route = new MemoryRoute(realtime, { trustProxy: 1 });
    const near = await route.client({ "x-forwarded-for": "192.0.2.1" });
    const far = await route.client({ "x-forwarded-for": "192.0.2.2" });
    const bob = await route.client({ "x-user": "bob", "x-forwarded-for": "192.0.2.1" });
    expect(near.connection.remoteAddress).not.toBe(far.connection.remoteAddress);
    for (const client of [near, bob]) expect(await client.ask({ type: "echo", id: 1, key: "first", payload: "one" })).toEqual([{ re: 1, payload: "one" }]);
    await askAll(far, 100, (n) => ({ type: "echo", id: n, key: `k${n}`, payload: n }));
    for (const client of [near, bob]) expect(await client.ask({ type: "echo", id: 1, key: "first", payload: "two" })).toEqual([{ re: 1, payload: "one" }]);
  });

  it("does not push out publishes of the others", async () => {
    const realtime = createRealtime({
      authorize,
      broker: memoryBroker({ maxKeys: 20 }),
      topics: { news: { canPublish: () => true } },
    });
    const route = new MemoryRoute(realtime);
    const [ann, bob] = [await route.client({ "x-user": "ann" }), await route.client({ "x-user": "bob" })];
    expect(await bob.ask({ type: "m", topic: "news", id: 1, key: "k" })).toEqual([{ re: 1, payload: { offset: 1 } }]);
    await askAll(ann, 100, (n) => ({ type: "m", topic: "news", id: n, key: `k${n}` }));
    await realtime.topic("news").publish("m", 1, { key: "k" });
    expect(await bob.ask({ type: "m", topic: "news", id: 1, key: "k" })).toEqual([{ re: 1, payload: { offset: 1 } }]);
  });
});

describe("requests with a key that run", () => {
  it("of a user who has the most give way to another user's, and are refused themselves", async () => {
    const clock = new FakeClock();
    const signals: AbortSignal[] = [];
    const realtime = createRealtime({
      authorize,
      clock,
      limits: { rememberedReplies: 8 },
      requests: {
        hang: ({ signal }) => {
          signals.push(signal);
          return new Promise(() => {});
        },
      },
    });
    const route = new MemoryRoute(realtime, { clock });
    // They run on after their connection.
    const gone = await route.client({ "x-user": "ann" });
    for (let n = 1; n <= 8; n++) gone.say({ type: "hang", id: n, key: `k${n}` });
    gone.peer.destroy();
    const [ann, bob] = [await route.client({ "x-user": "ann" }), await route.client({ "x-user": "bob" })];
    expect(await ann.ask({ type: "hang", id: 9, key: "k9" })).toMatchObject([{ re: 9, error: { code: "unavailable", retryable: true } }]);
    expect(await ann.ask({ type: "hang", id: 1, key: "k1" })).toEqual([]);
    expect(await bob.ask({ type: "hang", id: 1, key: "k" })).toEqual([]);
    // The oldest one of ann was given up, and all who wait for it are told.
    expect(await ann.heard()).toMatchObject([{ re: 1, error: { code: "unavailable" } }]);
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, ...Array.from({ length: 8 }, () => false)]);
    await realtime.stop();
  });
});

describe("a repeated key", () => {
  it("has its reply, whatever its payload is now", async () => {
    let runs = 0;
    const contract = defineContract({ requests: { rename: request(z.object({ name: z.string() }), z.number()) } });
    const client = await new MemoryRoute(createRealtime(contract, { requests: { rename: () => ++runs } })).client();
    expect(await client.ask({ type: "rename", id: 1, key: "k", payload: { name: "Ada" } })).toEqual([{ re: 1, payload: 1 }]);
    expect(await client.ask({ type: "rename", id: 2, key: "k", payload: 5 })).toEqual([{ re: 2, payload: 1 }]);
    expect(await client.ask({ type: "rename", id: 3, key: "other", payload: 5 })).toMatchObject([{ re: 3, error: { code: "invalid_payload" } }]);
    expect(runs).toBe(1);
  });

  it("waits for the one that runs, whatever its payload is, and while a schema takes its time", async () => {
    let end: ((reply: number) => void) | undefined;
    let runs = 0;
    const slow = z.object({ name: z.string() }).refine(async () => true);
    const contract = defineContract({ requests: { rename: request(slow, z.number()) } });
    const rename = (): Promise<number> => {
      runs++;
      return new Promise((resolve) => (end = resolve));
    };
    const client = await new MemoryRoute(createRealtime(contract, { requests: { rename } })).client();
    client.say({ type: "rename", id: 1, key: "k", payload: { name: "Ada" } });
    client.say({ type: "rename", id: 2, key: "k", payload: { name: "Ada" } });
    await client.heard();
    expect(await client.ask({ type: "rename", id: 3, key: "k", payload: 5 })).toEqual([]);
    end?.(7);
    expect(await client.heard()).toEqual([1, 2, 3].map((re) => ({ re, payload: 7 })));
    expect(runs).toBe(1);
  });
});

it("spreads clients over one hour at most, which is what they keep to", () => {
  expect(() => createRealtime({ expectedClients: 9_000_000 })).not.toThrow();
  expect(() => createRealtime({ expectedClients: 9_000_001 })).toThrow(/expectedClients: 9000001 is not allowed; give a whole number from 1 to 9000000/);
});
