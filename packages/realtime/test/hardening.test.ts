import { createHash } from "node:crypto";
import { createRealtime, memoryBroker, RealtimeError } from "@upwire/realtime";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

describe("add", () => {
  it("of a connection that is closed, or taken out before the answer, does nothing and rejects nothing", async () => {
    const realtime = createRealtime({ topics: { "room:{room}": { canSubscribe: () => true } } });
    const client = await new MemoryRoute(realtime).client();
    const tea = realtime.topic("room:{room}", { room: "tea" });
    const added = tea.add(client.connection);
    expect(tea.delete(client.connection)).toBe(true);
    await expect(added).resolves.toBeUndefined();
    client.connection.close(1000);
    await expect(tea.add(client.connection)).resolves.toBeUndefined();
    expect(tea.size).toBe(0);
  });
});

describe("a subscribe that fails", () => {
  it("leaves the subscription before it as it was, with what was published meanwhile", async () => {
    const states: ((state: unknown) => void)[] = [];
    const realtime = createRealtime({
      topics: { t: { canSubscribe: () => true, state: () => new Promise((resolve) => states.push(resolve)) } },
      options: { onError: () => {} },
    });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "upwire.subscribe", id: 1, topic: "t" });
    await client.heard();
    states[0]?.({});
    await client.heard();
    const topic = realtime.topic("t");
    await topic.publish("m", 1);
    expect(await client.heard()).toEqual([{ topic: "t", offset: 1, type: "m", payload: 1 }]);
    client.say({ type: "upwire.subscribe", id: 2, topic: "t" });
    await client.heard();
    await topic.publish("m", 2);
    client.say({ type: "upwire.subscribe", id: 3, topic: "t" });
    await client.heard();
    // No JSON.
    for (const give of states) give(1n);
    expect(await client.heard()).toEqual([
      { re: 3, error: expect.objectContaining({ code: "internal" }) as unknown },
      { topic: "t", offset: 2, type: "m", payload: 2 },
    ]);
    await topic.publish("m", 3);
    expect(await client.heard()).toEqual([{ topic: "t", offset: 3, type: "m", payload: 3 }]);
    expect(topic.size).toBe(1);
  });
});

describe("save", () => {
  it("waits for a request with a key that still runs: the next process does not run it again", async () => {
    let runs = 0;
    let pay: ((value: string) => void) | undefined;
    const options = {
      requests: {
        pay: () => {
          runs++;
          return new Promise<string>((resolve) => (pay = resolve));
        },
      },
    };
    const realtime = createRealtime(options);
    const client = await new MemoryRoute(realtime).client();
    await client.ask({ type: "pay", id: 1, key: "k" });
    client.connection.close(1012);
    const saved = realtime.save();
    pay?.("paid");
    const next = createRealtime({ ...options, restore: await saved });
    const back = await new MemoryRoute(next).client();
    expect(await back.ask({ type: "pay", id: 1, key: "k" })).toEqual([{ re: 1, payload: "paid" }]);
    expect(runs).toBe(1);
  });

  it("does not wait longer than a request may take", async () => {
    const clock = new FakeClock();
    const realtime = createRealtime({ clock, limits: { requestTimeoutMs: 500 }, requests: { hang: () => new Promise(() => {}) } });
    const client = await new MemoryRoute(realtime, { clock }).client();
    await client.ask({ type: "hang", id: 1, key: "k" });
    const saved = realtime.save();
    clock.advance(500);
    expect(await saved).toBeInstanceOf(Uint8Array);
  });
});

describe("a reply that is remembered", () => {
  const options = { authorize: ({ headers }: { readonly headers: Readonly<Record<string, unknown>> }) => ({ id: String(headers["x-user"]) }) };

  it("stays as it was given, whatever becomes of the buffer", async () => {
    const scratch = Buffer.alloc(8);
    const realtime = createRealtime({
      ...options,
      requests: {
        secret: ({ user }) => {
          scratch.fill(user.id);
          return scratch;
        },
      },
    });
    const route = new MemoryRoute(realtime);
    const ann = await route.client({ "x-user": "ann" });
    const bob = await route.client({ "x-user": "bob" });
    expect(await ann.ask({ type: "secret", id: 1, key: "k" })).toEqual([{ re: 1, bytes: "annannan" }]);
    expect(await bob.ask({ type: "secret", id: 1, key: "k" })).toEqual([{ re: 1, bytes: "bobbobbo" }]);
    expect(await ann.ask({ type: "secret", id: 2, key: "k" })).toEqual([{ re: 2, bytes: "annannan" }]);
  });

  it("is not that of a user whose id is the hash of a long one", async () => {
    const long = "x".repeat(300);
    const hash = createHash("sha256").update(long).digest("hex");
    const utf16 = createHash("sha256").update(long, "utf16le").digest("hex");
    const realtime = createRealtime({ ...options, requests: { who: ({ user }) => user.id } });
    const route = new MemoryRoute(realtime);
    for (const id of [long, hash, utf16]) {
      const client = await route.client({ "x-user": id });
      expect(await client.ask({ type: "who", id: 1, key: "k" })).toEqual([{ re: 1, payload: id }]);
    }
  });
});

describe("a connection whose user the application changes", () => {
  it("has the keys of the new user, and is addressed as that one alone", async () => {
    const realtime = createRealtime({
      authorize: () => ({ id: "ann" }),
      topics: { t: { canSubscribe: () => true, canPublish: () => true } },
      requests: {
        who: ({ user }) => user.id,
        become: ({ connection, payload }) => {
          connection.context = { id: String(payload) };
        },
      },
    });
    const client = await new MemoryRoute(realtime).client();
    expect(await client.ask({ type: "who", id: 1, key: "k" })).toEqual([{ re: 1, payload: "ann" }]);
    expect(await client.ask({ type: "m", topic: "t", id: 2, key: "k" })).toEqual([{ re: 2, payload: { offset: 1 } }]);
    await client.ask({ type: "become", id: 3, payload: "bob" });
    expect(realtime.user("ann").size).toBe(0);
    expect((await realtime.user("ann").send("mail", "for ann")).reached).toBe(0);
    expect(await client.ask({ type: "who", id: 4, key: "k" })).toEqual([{ re: 4, payload: "bob" }]);
    expect(await client.ask({ type: "m", topic: "t", id: 5, key: "k" })).toEqual([{ re: 5, payload: { offset: 2 } }]);
    expect([...realtime.user("bob")]).toEqual([client.connection]);
    client.connection.terminate();
    await client.heard();
    expect(realtime.stats.users).toBe(0);
  });
});

describe("what a function fails with", () => {
  // Its target is an error: a look at that is what fails.
  const hostile = new Proxy(new Error("hostile"), {
    get: () => {
      throw new Error("get");
    },
    getPrototypeOf: () => {
      throw new Error("getPrototypeOf");
    },
  });
  const changed = Object.assign(new RealtimeError("mine"), { code: 5n });

  it.each([
    ["a proxy that throws at each look", hostile],
    ["an error whose code was changed", changed],
  ])("is told as internal, and the connection lives on: %s", async (_, thrown) => {
    const fail = (): Promise<never> => Promise.reject(thrown);
    const realtime = createRealtime({
      requests: {
        later: fail,
        now: () => {
          throw thrown;
        },
      },
      events: { event: fail },
      topics: { t: { canSubscribe: () => true, canPublish: fail, state: fail }, closed: { canSubscribe: fail } },
      options: { onError: () => {} },
    });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "later", id: 1 });
    client.say({ type: "now", id: 2 });
    client.say({ type: "event" });
    client.say({ type: "upwire.subscribe", id: 3, topic: "t" });
    client.say({ type: "m", id: 4, topic: "t" });
    client.say({ type: "upwire.subscribe", id: 5, topic: "closed" });
    const heard = (await client.heard()) as {
      readonly re?: number;
      readonly error?: { readonly code: string };
      readonly payload?: { readonly code: string };
    }[];
    expect(heard.map(({ re, error, payload }) => `${re} ${(error ?? payload)?.code}`).toSorted()).toEqual([
      "1 internal",
      "2 internal",
      "3 internal",
      "4 internal",
      "5 internal",
      "undefined internal",
    ]);
    expect(await client.ask({ type: "upwire.ping", id: 9 })).toEqual([{ re: 9 }]);
  });
});

describe("a broker that gives junk for a publish", () => {
  it.each([
    ["nothing", () => undefined],
    ["a promise of null", () => Promise.resolve(null)],
    ["a position that is none", () => Promise.resolve({ position: { epoch: 1, offset: "x" }, delivery: "cluster", repeated: false })],
    [
      "a thenable that throws",
      () => ({
        // oxlint-disable-next-line unicorn/no-thenable -- that is what is tested
        then() {
          throw new Error("then");
        },
      }),
    ],
  ])("makes the publish fail as unavailable: %s", async (_, publish) => {
    const broker = Object.assign(memoryBroker(), { publish }) as unknown as ReturnType<typeof memoryBroker>;
    const realtime = createRealtime({ broker, topics: { t: { canSubscribe: () => true, canPublish: () => true } }, options: { onError: () => {} } });
    const client = await new MemoryRoute(realtime).client();
    expect(await client.ask({ type: "m", topic: "t", id: 1 })).toEqual([{ re: 1, error: expect.objectContaining({ code: "unavailable" }) as unknown }]);
    await expect(realtime.topic("t").publish("m", 1)).rejects.toMatchObject({ code: "unavailable" });
    await realtime.stop();
  });
});

describe("limits.topics", () => {
  it("counts what the client has asked for, once, and not what the server has joined it to", async () => {
    const realtime = createRealtime({ limits: { topics: 2 }, topics: { "t:{n}": { canSubscribe: async () => true } } });
    const client = await new MemoryRoute(realtime).client();
    for (const n of ["1", "2", "3"]) await realtime.topic("t:{n}", { n }).add(client.connection);
    await client.heard();
    const codes = async (): Promise<unknown[]> =>
      ((await client.heard()) as { re: number; error?: { code: string } }[]).map(({ re, error }) => [re, error?.code]);
    client.say({ type: "upwire.subscribe", id: 1, topic: "t:a" });
    expect(await codes()).toEqual([[1, undefined]]);
    client.say({ type: "upwire.subscribe", id: 2, topic: "t:a" });
    client.say({ type: "upwire.subscribe", id: 3, topic: "t:1" });
    expect(await codes()).toEqual([
      [2, undefined],
      [3, undefined],
    ]);
    client.say({ type: "upwire.subscribe", id: 4, topic: "t:b" });
    client.say({ type: "upwire.subscribe", id: 5, topic: "t:2" });
    expect(await codes()).toEqual([
      [4, "too_many"],
      [5, "too_many"],
    ]);
  });
});

describe("a topic with a state", () => {
  it("has no event that a client would take for it", async () => {
    const realtime = createRealtime({
      topics: { "room:{room}": { canSubscribe: () => true, canPublish: () => true, state: () => [] }, free: { canPublish: () => true } },
    });
    const client = await new MemoryRoute(realtime).client();
    expect(await client.ask({ type: "state", topic: "room:tea", id: 1, payload: ["forged"] })).toEqual([
      { re: 1, error: expect.objectContaining({ code: "unknown_type" }) as unknown },
    ]);
    await expect(realtime.topic("room:{room}", { room: "tea" }).publish("state", 1)).rejects.toThrow('clients hear its state as "state"');
    expect(await client.ask({ type: "state", topic: "free", id: 2 })).toEqual([{ re: 2, payload: { offset: 1 } }]);
  });
});
