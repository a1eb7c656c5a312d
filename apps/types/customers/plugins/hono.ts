import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { Upgrader, type UpgradeRequest } from "@upwire/core";
import { attach, websocket } from "@upwire/hono";
import * as plugin from "@upwire/hono/node-ws";
import { Hono, type Context } from "hono";
import { hc } from "hono/client";
import { chat, Echo, inferred, members, noes, rooms, upgrader, type User } from "../shared.js";

interface AppEnv {
  Variables: { user: User };
}

const app = new Hono<AppEnv>();
app.use(async (c, next) => {
  c.set("user", { id: "a", rooms: [] });
  await next();
});
app.get("/chat", websocket(chat));
app.get("/members", websocket(members));
app.get("/rooms/:room", websocket(rooms, upgrader));
app.get("/echo", async (_c, next) => next(), websocket(new Echo(), inferred));
for (const options of noes) app.get("/no", websocket(rooms, options));
app.get("/a", websocket({ open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
app.get("/b", websocket({ options: { authorize: ({ native }) => ({ id: native.req.path }) }, open: (connection) => connection.send(connection.context.id) }));

// What middleware has set is typed where the application's own Env is named.
app.get(
  "/variables",
  websocket(
    { open: (connection) => connection.send(connection.context.id) },
    { authorize: ({ native }: UpgradeRequest<Context<AppEnv>>) => native.get("user") },
  ),
);
app.get("/variables", websocket({ open: (connection, { native }: UpgradeRequest<Context<AppEnv>>) => connection.send(native.var.user.id) }));
app.get("/variables", websocket({ message() {} }, { authorize: ({ native }) => native.get("user") }));
attach(serve({ fetch: app.fetch, port: 8080 }));

// The RPC client.
const api = new Hono()
  .get("/time", (c) => c.json({ now: 0 }))
  .get("/chat", websocket(chat))
  .get("/rooms/:room", websocket(rooms, upgrader))
  .get("/both", async (_c, next) => next(), websocket(chat));
export type Api = typeof api;
const client = hc<Api>("http://localhost:8080");
export const sockets: readonly WebSocket[] = [client.chat.$ws(), client.rooms[":room"].$ws({ param: { room: "tea" } }), client.both.$ws()];
export const now: Promise<number> = client.time.$get().then(async (answer) => (await answer.json()).now);

const nodeWs = createNodeWebSocket({ app: new Hono() });
const beside = new Hono<AppEnv>()
  .get("/chat", plugin.websocket(nodeWs, chat))
  .get("/rooms/:room", plugin.websocket(nodeWs, rooms, upgrader))
  .get("/a", plugin.websocket(nodeWs, { open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
attach(serve({ fetch: beside.fetch }));
plugin.attach(serve({ fetch: beside.fetch }), nodeWs);
hc<typeof beside>("http://localhost:8080").chat.$ws();

// @ts-expect-error -- it is `message`
app.get("/ws", websocket({ onMessage() {} }));
// @ts-expect-error -- it is `authorize`
app.get("/ws", websocket(chat, { authorise: () => false }));
// @ts-expect-error -- rooms need a user
app.get("/ws", websocket(rooms, { authorize: () => ({ id: 1 }) }));
// @ts-expect-error -- there is no such variable
app.get("/ws", websocket({ open: (_connection, { native }: UpgradeRequest<Context<AppEnv>>) => native.get("admin") }));
// @ts-expect-error -- Hono's context has no such member
app.get("/ws", websocket({ open: (_connection, { native }) => native.request }));
// @ts-expect-error -- Hono is not given what Express has
app.get("/ws", websocket(chat, new Upgrader<unknown, import("express").Request>({})));
// @ts-expect-error -- a page is no WebSocket
client.time.$ws();
// @ts-expect-error -- the room is missing
client.rooms[":room"].$ws({ param: {} });
