import { attach, websocket } from "@upwire/fastify/websocket";
import Fastify from "fastify";
import { portOf, type Row } from "./row.ts";
import { handlerFor } from "./upwire-handler.ts";

export const row: Row = {
  async start(load) {
    const app = Fastify();
    await app.register(attach);
    app.get("/ws", websocket(handlerFor(load)));
    await app.listen({ port: 0, host: "127.0.0.1", backlog: 4096 });
    return portOf(app.server);
  },
};
