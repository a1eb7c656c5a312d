import { createClient, type Client, type ClientStatus, type GapInfo } from "@upwire/client";
import { defineContract, request, topic } from "@upwire/protocol";
import { describe, expectTypeOf, it } from "vitest";
import { WebSocket } from "ws";
import * as z from "zod";

const contract = defineContract({
  events: { typing: z.object({ on: z.boolean() }), at: z.string().transform(Number) },
  requests: { rename: request(z.object({ name: z.string(), times: z.number().default(1) }), z.object({ done: z.boolean() })) },
  topics: {
    "room:{room}:{lane}": topic({ events: { message: z.object({ text: z.string() }) }, state: z.array(z.string()) }),
    "plain:{id}": topic({ events: { tick: z.number() } }),
    all: topic({ events: { tick: z.number() } }),
  },
});
type AppContract = typeof contract;

/** Never called: what does not compile is marked, and an unused mark does not compile either. */
export function refusals(client: Client<AppContract>): void {
  // @ts-expect-error -- no such event
  client.on("typo", () => {});
  // @ts-expect-error -- no such event
  client.send("typo", { on: true });
  // @ts-expect-error -- a wrong payload
  client.send("typing", { on: "yes" });
  // @ts-expect-error -- what a listener gets has no such member
  client.on("typing", ({ off }) => off);
  // @ts-expect-error -- a wrong policy
  client.send("typing", { on: true }, { queue: "later" });
  // @ts-expect-error -- no such request
  void client.request("retype", { name: "x" });
  // @ts-expect-error -- a wrong payload
  void client.request("rename", { title: "x" });
  // @ts-expect-error -- a wrong reply
  void client.request("rename", { name: "x" }).then(({ undone }) => undone);
  // @ts-expect-error -- no such pattern
  client.topic("rooms:{room}", { room: "tea" });
  // @ts-expect-error -- a parameter is missing
  client.topic("room:{room}:{lane}", { room: "tea" });
  // @ts-expect-error -- all parameters are missing
  client.topic("room:{room}:{lane}");
  // @ts-expect-error -- a parameter that the pattern does not have
  client.topic("plain:{id}", { id: 1, room: "tea" });
  const room = client.topic("room:{room}:{lane}", { room: "tea", lane: 1 });
  // @ts-expect-error -- no such event of this topic
  room.on("tick", () => {});
  // @ts-expect-error -- a wrong payload
  void room.publish("message", { txt: "x" });
  // @ts-expect-error -- nobody publishes a state
  void room.publish("state", []);
  // @ts-expect-error -- this topic has no state
  client.topic("plain:{id}", { id: 1 }).on("state", () => {});
  // @ts-expect-error -- a token is a text
  createClient("/ws", { token: 7 });
  // @ts-expect-error -- this is no class of sockets
  createClient("/ws", { WebSocket: Date });
}

describe("the types of a client", () => {
  it("are those of its contract: what goes in where it sends, what comes out where it hears", () => {
    type C = Client<AppContract>;
    expectTypeOf<Parameters<C["topic"]>[0]>().toEqualTypeOf<"room:{room}:{lane}" | "plain:{id}" | "all">();
    const types = (client: C): void => {
      client.on("typing", (payload) => expectTypeOf(payload).toEqualTypeOf<{ on: boolean }>());
      client.on("at", (payload) => expectTypeOf(payload).toEqualTypeOf<number>());
      client.send("at", "7");
      expectTypeOf(client.request("rename", { name: "x" }, { key: true })).toEqualTypeOf<Promise<{ done: boolean }>>();
      const room = client.topic("room:{room}:{lane}", { room: "tea", lane: 1 });
      room.on("message", (payload) => expectTypeOf(payload).toEqualTypeOf<{ text: string }>());
      room.on("state", (payload) => expectTypeOf(payload).toEqualTypeOf<string[]>());
      room.onGap((gap) => expectTypeOf(gap).toEqualTypeOf<GapInfo>());
      expectTypeOf(room.publish("message", { text: "x" })).toEqualTypeOf<Promise<{ readonly offset?: number }>>();
      client.topic("all").on("tick", (payload) => expectTypeOf(payload).toEqualTypeOf<number>());
    };
    expectTypeOf(types).toBeFunction();
    expectTypeOf<ClientStatus["state"]>().toEqualTypeOf<"connecting" | "open" | "waiting" | "closed">();
  });

  it("are any names and unknown payloads without a contract", () => {
    const types = (client: Client): void => {
      client.on("anything", (payload) => expectTypeOf(payload).toBeUnknown());
      client.send("anything", { a: 1 });
      expectTypeOf(client.request("anything", 1)).toEqualTypeOf<Promise<unknown>>();
      client.topic("some:{thing}", { thing: 1 }).on("state", (payload) => expectTypeOf(payload).toBeUnknown());
    };
    expectTypeOf(types).toBeFunction();
  });

  it("take the class of the package ws, and that of browsers", () => {
    expectTypeOf<typeof WebSocket>().toExtend<NonNullable<Parameters<typeof createClient>[1]>["WebSocket"]>();
    expectTypeOf<typeof globalThis.WebSocket>().toExtend<NonNullable<Parameters<typeof createClient>[1]>["WebSocket"]>();
  });
});
