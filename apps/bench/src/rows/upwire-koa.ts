import { Router } from "@koa/router";
import { attach, websocket } from "@upwire/koa";
import Koa from "koa";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor, optionsFor } from "./upwire-handler.ts";

export const row: Row = {
  start(load) {
    const router = new Router();
    router.get("/ws", websocket(handlerFor(load), optionsFor(load)));
    const handle = new Koa().use(router.routes()).callback();
    const server = createServer((req, res) => void handle(req, res));
    attach(server);
    return listen(server);
  },
};
