import type { UpgradeRequest } from "@upwire/core";
import { attach, websocket } from "@upwire/fastify/websocket";
import Fastify, { type FastifyRequest } from "fastify";
import { chat, rooms, upgrader } from "../shared.js";

interface Query {
  Querystring: { readonly token: string };
}

const app = Fastify();
await app.register(attach, { options: { maxPayload: 1024 } });
app.get("/chat", websocket(chat));
app.get("/rooms/:room", websocket(rooms, upgrader));
app.get("/a", websocket({ open: (connection) => connection.send(connection.context.id) }, { authorize: () => ({ id: "a" }) }));
app.get("/b", websocket({ open: (_connection, { native }) => native.log.info(native.hostname) }));
app.get<Query>("/query", websocket({ open: (connection, { native }: UpgradeRequest<FastifyRequest<Query>>) => connection.send(native.query.token) }));
app.get("/own", { websocket: true }, (socket) => socket.close());
console.log(app.upwire.count);
// @ts-expect-error -- it is `message`
app.get("/ws", websocket({ onMessage() {} }));
// @ts-expect-error -- rooms need a user
app.get("/ws", websocket(rooms, { authorize: () => ({ id: 1 }) }));
