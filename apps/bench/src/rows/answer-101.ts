import { Router } from "@koa/router";
import { createAdaptorServer } from "@hono/node-server";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { createServer, ServerResponse, type IncomingMessage, type Server } from "node:http";
import type { Socket } from "node:net";
import { acceptKey } from "../accept-key.ts";
import { listen, type Row } from "./row.ts";

// What a framework takes to answer an upgrade request by itself: no checks, no connection, no messages.

function headersFor(req: IncomingMessage): Record<string, string> {
  const accept = acceptKey(req.headers["sec-websocket-key"] ?? "");
  return { upgrade: "websocket", connection: "Upgrade", "sec-websocket-accept": accept };
}

/**
 * Sends upgrade requests through the application, as `attach` does. What listens is shared and stores nothing: a closure
 * would keep request and response as long as the socket, which is garbage that no library has to collect.
 */
function routed(server: Server, prepare: (res: ServerResponse) => void = () => {}): Row {
  const open = new Set<Socket>();
  function forget(this: Socket): void {
    open.delete(this);
  }
  server.on("upgrade", (req, socket: Socket) => {
    socket.setTimeout(0);
    socket.setNoDelay(true);
    open.add(socket);
    socket.on("error", destroy).on("close", forget);
    const res = new ServerResponse(req);
    res.shouldKeepAlive = false;
    res.assignSocket(socket);
    prepare(res);
    res.on("finish", letGo);
    server.emit("request", req, res);
  });
  return { start: () => listen(server) };
}

function destroy(this: Socket): void {
  this.destroy();
}

function letGo(this: ServerResponse): void {
  const { socket } = this;
  if (socket === null) return;
  this.detachSocket(socket);
  socket.resume();
}

/** One row for each framework. */
export const alone = {
  node: (): Row => routed(createServer((req, res) => res.writeHead(101, headersFor(req)).end())),

  express(): Row {
    const app = express();
    // Past Express's own methods, which take longer.
    app.get("/ws", (req, res) => void res.writeHead(101, headersFor(req)).end());
    return routed(createServer(app));
  },

  async fastify(): Promise<Row> {
    const app = Fastify();
    app.get("/ws", async (request, reply) => reply.code(101).headers(headersFor(request.raw)).send());
    await app.ready();
    return routed(app.server);
  },

  hono(): Row {
    const app = new Hono();
    app.get("/ws", async (c) => c.body(null, 204));
    // A Response of the Fetch standard cannot say 101.
    return routed(createAdaptorServer({ fetch: app.fetch }) as Server, (res) => {
      const writeHead = res.writeHead.bind(res);
      res.writeHead = () => writeHead(101, headersFor(res.req));
    });
  },

  koa(): Row {
    const router = new Router();
    router.get("/ws", async (ctx) => {
      ctx.body = null;
      ctx.status = 101;
      ctx.set(headersFor(ctx.req));
    });
    const handle = new Koa().use(router.routes()).callback();
    return routed(createServer((req, res) => void handle(req, res)));
  },
};
