import { createRealtime, RealtimeError, type AnsweredMessage, type ReceivedMessage } from "@upwire/realtime";
import { FakeClock } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { MemoryRoute } from "./helpers/memory-clients.ts";

const error = (code: string) => ({ type: "upwire.error", payload: { code, message: expect.any(String) as unknown } });

it("says hello with what a client may count on, before anything else", async () => {
  const realtime = createRealtime({
    limits: { requests: 3, topics: 5 },
    expectedClients: 1000,
    onOpen: ({ connection, user }) => void realtime.connection(connection.id).send("welcome", String(user)),
  });
  const route = new MemoryRoute(realtime);
  const client = await route.plain({ "sec-websocket-protocol": "upwire.v1" });
  expect(await client.heard()).toEqual([
    {
      type: "upwire.hello",
      payload: {
        connectionId: client.connection.id,
        pingIntervalMs: 25_000,
        spreadMs: 400,
        limits: { requests: 3, topics: 5, replayMessages: 1000, replayBytes: 1_048_576, requestTimeoutMs: 30_000, retryWindowMs: 120_000 },
      },
    },
    { type: "welcome", payload: "undefined" },
  ]);
});

describe("an event of a client", () => {
  it("runs its function with payload, connection and user, and is not answered", async () => {
    const seen: unknown[] = [];
    const realtime = createRealtime({
      authorize: ({ headers }) => ({ id: String(headers["x-user"]) }),
      events: {
        typing: ({ payload, connection, user }) => void seen.push([payload, connection.id, user.id]),
        bytes: ({ payload }) => void seen.push(Buffer.from(payload as Uint8Array).toString()),
      },
    });
    const client = await new MemoryRoute(realtime).client({ "x-user": "ann" });
    client.say({ type: "typing", payload: { on: true } });
    client.peer.binary(Buffer.concat([Buffer.from([0, 0, 0, 16]), Buffer.from('{"type":"bytes"}raw')]));
    expect(await client.heard()).toEqual([]);
    expect(seen).toEqual([[{ on: true }, client.connection.id, "ann"], "raw"]);
  });

  it("tells what goes wrong by upwire.error, and the connection lives on", async () => {
    const fault = new Error("down");
    const realtime = createRealtime({
      events: {
        no: () => {
          throw new RealtimeError("closed_today", "come back");
        },
        crash: () => Promise.reject(fault),
      },
    });
    const route = new MemoryRoute(realtime);
    const client = await route.client();
    expect(await client.ask({ type: "no" })).toEqual([{ type: "upwire.error", payload: { code: "closed_today", message: "come back" } }]);
    expect(await client.ask({ type: "crash" })).toEqual([error("internal")]);
    expect(await client.ask({ type: "other" })).toEqual([error("unknown_type")]);
    expect(await client.ask({ type: "toString" })).toEqual([error("unknown_type")]);
    expect(await client.ask({ type: "upwire.other" })).toEqual([error("unsupported")]);
    expect(route.errors).toEqual([fault]);
    expect(await client.ask({ type: "upwire.ping", id: 1 })).toEqual([{ re: 1 }]);
  });

  it("has the deadline of a function, and counts as in flight until then", async () => {
    const clock = new FakeClock();
    const realtime = createRealtime({ clock, limits: { requests: 1 }, events: { hang: () => new Promise(() => {}) } });
    const client = await new MemoryRoute(realtime).client();
    client.say({ type: "hang" });
    client.say({ type: "hang" });
    expect(await client.heard()).toEqual([error("too_many")]);
    clock.advance(30_000);
    expect(await client.heard()).toEqual([error("timeout")]);
    expect(realtime.stats.inFlight).toBe(0);
  });
});

describe("an event of the server", () => {
  it("goes to one, to a user, or to all, plain clients too", async () => {
    const realtime = createRealtime({ authorize: ({ headers }) => String(headers["x-user"]) });
    const route = new MemoryRoute(realtime);
    const [ann, annAgain, bob] = [await route.client({ "x-user": "ann" }), await route.client({ "x-user": "ann" }), await route.plain({ "x-user": "bob" })];
    const hear = async () => [await ann.heard(), await annAgain.heard(), await bob.heard()];
    const reach = (reached: number) => ({ reached, missing: [], delivery: "cluster" });
    expect(await realtime.send("all", 1)).toEqual(reach(3));
    expect(await realtime.user("ann").send("ann", 2)).toEqual(reach(2));
    expect(await realtime.user("bob").send("bob", Buffer.from("raw"))).toEqual(reach(1));
    expect(await realtime.user("carol").send("carol", 3)).toEqual(reach(0));
    const one = realtime.connection(ann.connection.id);
    expect([one.id, one.connection]).toEqual([ann.connection.id, ann.connection]);
    expect(await one.send("one", Buffer.from("raw"))).toEqual(reach(1));
    expect(realtime.connection("nobody").connection).toBeUndefined();
    expect(await realtime.connection("nobody").send("one", 1)).toEqual(reach(0));
    expect(await realtime.connection("nobody").close()).toEqual(reach(0));
    expect(await realtime.send("nothing", undefined)).toEqual(reach(3));
    const all = { type: "all", payload: 1 };
    expect(await hear()).toEqual([
      [all, { type: "ann", payload: 2 }, { type: "one", bytes: "raw" }, { type: "nothing" }],
      [all, { type: "ann", payload: 2 }, { type: "nothing" }],
      [all, { bytes: "raw" }, { type: "nothing" }],
    ]);
    expect([realtime.user("ann").size, [...realtime.user("ann")]]).toEqual([2, [ann.connection, annAgain.connection]]);
    expect(realtime.stats).toMatchObject({ connections: 3, plainConnections: 1, users: 2 });
    expect(await realtime.user("ann").close(4401, "signed out")).toEqual(reach(2));
    expect(await ann.heard()).toEqual(["close 4401 signed out"]);
    ann.peer.close(4401);
    annAgain.peer.close(4401);
    await hear();
    expect(realtime.stats).toMatchObject({ connections: 1, plainConnections: 1, users: 1 });
    expect(await realtime.connection(bob.connection.id).close(4403, "out")).toEqual(reach(1));
    expect(await bob.heard()).toEqual(["close 4403 out"]);
    expect(await realtime.connection(bob.connection.id).close()).toEqual(reach(0));
    expect(ann.connection.isOpen || realtime.connection(ann.connection.id).connection !== undefined).toBe(false);
  });

  it("is refused where it cannot be sent", () => {
    const realtime = createRealtime({});
    const circular: Record<string, unknown> = {};
    circular["self"] = circular;
    expect(() => realtime.send("circular", circular)).toThrow(TypeError);
    expect(() => realtime.send("upwire.hello", 1)).toThrow(/is no name/);
    for (const one of [realtime.user("ann"), realtime.connection("id")]) {
      expect(() => one.send("upwire.hello", 1)).toThrow(/is no name/);
      expect(() => one.close(1005)).toThrow(/1005 may not be sent/);
      expect(() => one.close(4403, "x".repeat(124))).toThrow(/at most 123 bytes/);
      expect(() => one.close(4403, "", { keepMs: -1 })).toThrow(/keepMs: -1 is not allowed; give a whole number from 0 to 3600000/);
      expect(() => one.close(4403, "", { keep: 1 } as never)).toThrow(TypeError);
    }
    const late = { toJSON: () => Promise.reject(new Error("late")) };
    for (const value of [late, { deep: [{ late }] }, { bare: Promise.reject(new Error("late")) }]) {
      expect(() => realtime.send("later", value)).toThrow(/toJSON: a promise is no answer/);
    }
  });
});

describe("onMessage and onAnswer", () => {
  it("see every message and every answer", async () => {
    const clock = new FakeClock();
    const received: Partial<ReceivedMessage<string>>[] = [];
    const answered: Partial<AnsweredMessage<string>>[] = [];
    const realtime = createRealtime({
      authorize: () => "ann",
      clock,
      events: { typing: () => {} },
      requests: { ask: () => 1, hang: () => new Promise(() => {}) },
      topics: { news: { canSubscribe: () => true, canPublish: () => true } },
      onMessage: ({ kind, type, topic, id, user, byteLength }) => void received.push({ kind, type, topic, id, user, byteLength }),
      onAnswer: ({ kind, type, topic, durationMs, error: told }) => void answered.push({ kind, type, topic, durationMs, error: told }),
    });
    const client = await new MemoryRoute(realtime).client();
    const say = (frame: object): void => client.say(frame);
    say({ type: "typing" });
    say({ type: "ask", id: 1 });
    say({ type: "hang", id: 2 });
    clock.advance(5);
    say({ type: "upwire.cancel", re: 2 });
    say({ type: "upwire.ping", id: 3 });
    say({ type: "upwire.subscribe", id: 4, topic: "news" });
    await client.heard();
    say({ type: "headline", id: 5, topic: "news" });
    await client.heard();
    say({ type: "upwire.unsubscribe", id: 6, topic: "news" });
    say({ type: "nothing", id: 7 });
    await client.heard();
    const seen = (kind: string, type: string, topic: string | undefined, id: number | undefined, byteLength: number) => ({
      kind,
      type,
      topic,
      id,
      user: "ann",
      byteLength,
    });
    expect(received).toEqual([
      seen("event", "typing", undefined, undefined, 17),
      seen("request", "ask", undefined, 1, 21),
      seen("request", "hang", undefined, 2, 22),
      seen("cancel", "upwire.cancel", undefined, undefined, 31),
      seen("ping", "upwire.ping", undefined, 3, 29),
      seen("subscribe", "upwire.subscribe", "news", 4, 49),
      seen("publish", "headline", "news", 5, 41),
      seen("unsubscribe", "upwire.unsubscribe", "news", 6, 51),
      seen("request", "nothing", undefined, 7, 25),
    ]);
    const told = (kind: string, type: string, topic?: string, code?: string) => ({
      kind,
      type,
      topic,
      durationMs: type === "hang" ? 5 : 0,
      error: code === undefined ? undefined : (expect.objectContaining({ code }) as unknown),
    });
    expect(answered).toEqual([
      told("event", "typing"),
      told("request", "ask"),
      told("request", "hang", undefined, "cancelled"),
      told("subscribe", "upwire.subscribe", "news"),
      told("publish", "headline", "news"),
      told("unsubscribe", "upwire.unsubscribe", "news"),
      told("request", "nothing", undefined, "unknown_type"),
    ]);
  });

  it("refuse a message with an error of their own, whatever its kind", async () => {
    const realtime = createRealtime({
      events: { typing: () => {} },
      requests: { ask: () => 1 },
      onMessage: ({ kind }) => {
        if (kind !== "ping") throw new RealtimeError("rate_limited", "slower", { details: { afterMs: 5 } });
      },
    });
    const client = await new MemoryRoute(realtime).client();
    expect(await client.ask({ type: "ask", id: 1 })).toEqual([
      { re: 1, error: { code: "rate_limited", message: "slower", retryable: true, details: { afterMs: 5 } } },
    ]);
    expect(await client.ask({ type: "typing" })).toEqual([{ type: "upwire.error", payload: { code: "rate_limited", message: "slower" } }]);
    expect(await client.ask({ type: "upwire.ping", id: 2 })).toEqual([{ re: 2 }]);
    expect(realtime.stats).toMatchObject({ errors: { rate_limited: 2 }, received: { request: 1, event: 1, ping: 1 } });
  });
});
