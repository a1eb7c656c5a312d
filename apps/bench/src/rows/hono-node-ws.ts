import { createNodeWebSocket } from "@hono/node-ws";
import { Hono } from "hono";
import type { WSContext } from "hono/ws";
import { createAdaptorServer } from "hono-node-server-1";
import type { Server } from "node:http";
import { Loop } from "./loop.ts";
import { listen, type Row } from "./row.ts";

export const row: Row = {
  start({ mode }) {
    const app = new Hono();
    const nodeWs = createNodeWebSocket({ app });
    const loop = new Loop<string>();
    app.get(
      "/ws",
      nodeWs.upgradeWebSocket((c) => {
        const room = mode === "rooms" ? (c.req.query("room") ?? "") : "";
        let me: WSContext;
        return {
          onOpen(_event, ws) {
            me = ws;
            if (mode !== "echo") loop.join(me, room);
          },
          onMessage({ data }, ws) {
            if (mode === "echo") ws.send(String(data));
            else loop.broadcast(String(data), room);
          },
          onClose: () => loop.leave(me, room),
        };
      }),
    );
    const server = createAdaptorServer({ fetch: app.fetch }) as Server;
    nodeWs.injectWebSocket(server);
    return listen(server);
  },
};
