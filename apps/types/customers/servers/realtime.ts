// A realtime with a contract and one without, and what must not compile.
import { refuse, websocket, type UpgradeRequest } from "@upwire/core";
import { websocket as onExpress } from "@upwire/express";
import { websocket as onFastify } from "@upwire/fastify";
import { websocket as onKoa } from "@upwire/koa";
import { createRealtime, defineContract, memoryBroker, RealtimeError, request, tokenOf, topic, type Reach, type Realtime } from "@upwire/realtime";
import type { Request } from "express";
import * as z from "zod";
import { chat, userOf, type User } from "../shared.js";

export const contract = defineContract({
  events: { typing: z.object({ on: z.boolean() }), notice: z.string() },
  requests: { rename: request(z.object({ name: z.string() }), z.object({ at: z.number(), taken: z.boolean().default(false) })) },
  topics: {
    "room:{room}": topic({
      events: { message: z.object({ text: z.string(), length: z.string().transform((text) => text.length) }) },
      state: z.array(z.string()),
    }),
    news: topic({ events: { headline: z.string() } }),
  },
});

export const realtime = createRealtime(contract, {
  authorize: (upgrade) => userOf(tokenOf(upgrade) ?? null) ?? refuse(401, "sign in first"),
  userId: (user) => user.id,
  events: { typing: ({ payload, user, connection }) => connection.send(`${user.id} ${String(payload.on)}`) },
  requests: {
    rename: async ({ payload, user, signal, key }) => {
      const aborted: boolean = signal.aborted;
      const repeated: string | undefined = key;
      if (aborted || user.rooms.length === 0) throw new RealtimeError("not_now", `${payload.name} ${String(repeated)}`, { retryable: true });
      return { at: 5 };
    },
  },
  topics: {
    "room:{room}": {
      canSubscribe: ({ user, room }) => user.rooms.includes(room),
      canPublish: async ({ user, room, event, payload }) => user.rooms.includes(room) && event === "message" && payload.length > payload.text.length,
      state: ({ room, topic: name }) => [room, name],
      history: { messages: 1000 },
    },
    news: { canSubscribe: () => true, history: false },
  },
  fallback: chat,
  onMessage: ({ kind, type, user, byteLength }) => console.log(kind, type, user.id, byteLength),
  onAnswer: ({ durationMs, error, connection }) => console.log(durationMs, error?.message, connection.id),
  limits: { requests: 8 },
  broker: memoryBroker({ maxBytes: 1024 }),
  options: { maxMessageBytes: 4096 },
});

export const all: readonly unknown[] = [
  websocket(realtime),
  onExpress(realtime),
  onFastify(realtime),
  onKoa(realtime),
  onExpress(realtime, { maxConnections: 5 }),
];

const room = realtime.topic("room:{room}", { room: "tea" });
export const published: Promise<number | undefined> = room.publish("message", { text: "hi", length: "hi" }, { key: "k" }).then(({ offset }) => offset);
export const sent: Promise<Reach> = realtime.user("u7").send("typing", { on: true });
export const reaches: readonly Promise<Reach>[] = [
  realtime.send("notice", "hi"),
  realtime.connection("id").send("notice", "only you"),
  realtime.connection("id").close(4403, "signed out", { keepMs: 0 }),
  realtime.user("u7").close(),
];
void sent.then(({ reached, missing, delivery }) => `${reached} ${missing.join()} ${delivery === "local-only"}`);
for (const { context } of [...room, ...realtime.user("u7")]) context.rooms.includes("tea");
export const started: Promise<void> = realtime.started.catch((error: unknown) => console.error(error));
export const here: readonly string[] | undefined = realtime.connection("id").connection?.context.rooms;

/** It may be handed on with its types. */
export const typed: readonly Realtime<typeof contract, User>[] = [realtime];

/** An async `authorize`, and one that knows its framework. */
export const others: readonly unknown[] = [
  createRealtime(contract, {
    authorize: async ({ cookies }) => userOf(cookies["token"] ?? null) ?? false,
    requests: { rename: ({ user }) => ({ at: user.rooms.length, taken: true }) },
  }),
  onExpress(
    createRealtime(contract, {
      authorize: ({ native }: UpgradeRequest<Request>) => ({ host: native.hostname }),
      requests: { rename: ({ user }) => ({ at: user.host.length }) },
    }),
  ),
];

/** Without a contract: names come from the options, and payloads are unknown. */
export const loose = createRealtime({
  authorize: ({ query }) => userOf(query.get("token")) ?? refuse(401),
  events: { typing: ({ payload, user }) => console.log(payload, user.id) },
  requests: { double: ({ payload }) => (typeof payload === "number" ? 2 * payload : 0) },
  topics: { "room:{room}": { canSubscribe: ({ user, room: name }) => user.rooms.includes(name), canPublish: ({ payload, event }) => payload !== event } },
});
void loose.topic("room:{room}", { room: "tea" }).publish("anything", { at: 5 });
void loose.send("anything", 5);

// What must not compile.

const make = (mistake: () => unknown): void => void mistake;

// @ts-expect-error -- the contract has no such event
make(() => realtime.send("typin", { on: true }));
// @ts-expect-error -- `on` is a boolean
make(() => realtime.send("typing", { on: 1 }));
// @ts-expect-error -- how many it reached is known later
make(() => realtime.send("notice", "hi") + 1);
// @ts-expect-error -- the contract has no such event
make(() => realtime.connection("id").send("typin", { on: true }));
// @ts-expect-error -- a time is a number
make(() => realtime.user("u7").close(4403, "", { keepMs: "1m" }));
// @ts-expect-error -- the broker starts by itself
make(() => realtime.started());
// @ts-expect-error -- a realtime has started once
make(() => (realtime.started = Promise.resolve()));
// @ts-expect-error -- the contract has no such pattern
make(() => realtime.topic("rooms:{room}", { room: "tea" }));
// @ts-expect-error -- the parameter is `room`
make(() => realtime.topic("room:{room}", { name: "tea" }));
// @ts-expect-error -- the parameter is missing
make(() => realtime.topic("room:{room}"));
// @ts-expect-error -- there is no parameter
make(() => realtime.topic("news", { room: "tea" }));
// @ts-expect-error -- the topic has no such event
make(() => room.publish("headline", "hi"));
// @ts-expect-error -- what goes into the schema is a text
make(() => room.publish("message", { text: "hi", length: 2 }));
// @ts-expect-error -- the patterns are those of the options
make(() => loose.topic("room:{name}", { name: "tea" }));
// @ts-expect-error -- there is no such option
make(() => createRealtime({ autorize: () => ({}) }));
// @ts-expect-error -- the contract has no such event
make(() => createRealtime(contract, { events: { typin: () => {} }, requests: { rename: () => ({ at: 5 }) } }));
// @ts-expect-error -- the contract has no such request
make(() => createRealtime(contract, { requests: { rename: () => ({ at: 5 }), renam: () => 5 } }));
// @ts-expect-error -- a request of the contract has no function
make(() => createRealtime(contract, { requests: {} }));
// @ts-expect-error -- the reply has no `at`
make(() => createRealtime(contract, { requests: { rename: () => ({ taken: true }) } }));
// @ts-expect-error -- the payload has no `title`
make(() => createRealtime(contract, { requests: { rename: ({ payload }) => ({ at: payload.title }) } }));
// @ts-expect-error -- the user has no `age`
make(() => createRealtime(contract, { authorize: () => ({ id: "a" }), events: { typing: ({ user }) => user.age } }));
// @ts-expect-error -- the contract has no such pattern
make(() => createRealtime(contract, { topics: { "rooms:{room}": {} } }));
// @ts-expect-error -- the parameter is `room`
make(() => createRealtime(contract, { topics: { "room:{room}": { canSubscribe: ({ name }) => name === "tea" } } }));
// @ts-expect-error -- an event of a topic is called `message`
make(() => createRealtime(contract, { topics: { "room:{room}": { canPublish: ({ event }) => event === "headline" } } }));
// @ts-expect-error -- the state is a list of texts
make(() => createRealtime(contract, { topics: { "room:{room}": { state: () => [5] } } }));
// @ts-expect-error -- there is no such rule
make(() => createRealtime(contract, { topics: { news: { canSubcribe: () => true } } }));
// @ts-expect-error -- `news` has no state
make(() => createRealtime(contract, { topics: { news: { state: () => [] } } }));
// @ts-expect-error -- a yes is true or false
make(() => createRealtime(contract, { topics: { news: { canSubscribe: () => "yes" } } }));
// @ts-expect-error -- no schema
make(() => defineContract({ events: { typing: { on: true } } }));
