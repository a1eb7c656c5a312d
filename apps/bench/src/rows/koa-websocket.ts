import Koa from "koa";
import websockify from "koa-websocket";
import { once } from "node:events";
import { portOf, type Row } from "./row.ts";
import { serveWs } from "./ws-loop.ts";

export const row: Row = {
  async start(load) {
    const app = websockify(new Koa());
    const serve = serveWs(load);
    app.ws.use((ctx) => serve(ctx.websocket, ctx.url));
    // It takes upgrades only of a server that it made itself.
    const server = app.listen(0, "127.0.0.1", 4096);
    await once(server, "listening");
    return portOf(server);
  },
};
