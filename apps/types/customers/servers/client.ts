import { createClient, type Client, type Topic } from "@upwire/client";
import { ReconnectingSocket } from "@upwire/client/socket";
import { defineContract, request, topic } from "@upwire/protocol";
import { z } from "zod";

const contract = defineContract({
  events: { typing: z.object({ on: z.boolean() }) },
  requests: { rename: request(z.object({ name: z.string() }), z.object({ done: z.boolean() })) },
  topics: { "room:{room}": topic({ events: { message: z.object({ text: z.string() }) }, state: z.array(z.string()) }), all: topic({ events: {} }) },
});

const client: Client<typeof contract> = createClient<typeof contract>(async () => "wss://example.com/ws", { token: async () => "t", onError: console.error });
const room: Topic<typeof contract, "room:{room}"> = client.topic("room:{room}", { room: 7 }, { since: { last: 20 } });
room.on("message", ({ text }) => text.length);
room.on("state", (texts) => texts.length);
room.onGap(({ missed }) => missed);
client.topic("all").onSubscribed(({ resumed }) => resumed);
client.send("typing", { on: true }, { queue: "drop" });
export const { done } = await client.request("rename", { name: "Ada" }, { key: true, signal: AbortSignal.timeout(1000) });
await room.publish("message", { text: "hi" });

const socket = new ReconnectingSocket("wss://example.com/ws", ["chat"], { maxQueue: 10 });
socket.addEventListener("close", ({ code, retryAt }) => console.log(code, retryAt));
// oxlint-disable-next-line unicorn/prefer-add-event-listener -- as with a WebSocket
socket.onmessage = ({ data }) => console.log(data);
socket.send(new Uint8Array(3));
