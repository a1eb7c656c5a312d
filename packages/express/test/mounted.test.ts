import { once } from "node:events";
import { itKeepsTheSentTarget } from "@upwire/testing";
import express, { Router } from "express";
import { attach, websocket } from "../src/index.ts";

itKeepsTheSentTarget("below two mounted routers", {
  sent: "/api/v1/ws",
  routed: "/ws",
  mount: async ({ handler, options }) => {
    const inner = Router().get("/ws", websocket(handler, options));
    const server = express().use("/api", Router().use("/v1", inner)).listen(0, "127.0.0.1");
    attach(server);
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
});

itKeepsTheSentTarget("behind middleware that rewrites it", {
  sent: "/old",
  routed: "/ws",
  mount: async ({ handler, options }) => {
    const app = express();
    app.use((req, _res, next) => {
      req.url = req.url.replace("/old", "/ws");
      next();
    });
    const server = app.get("/ws", websocket(handler, options)).listen(0, "127.0.0.1");
    attach(server);
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
});
