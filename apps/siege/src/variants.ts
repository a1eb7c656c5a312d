import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { attach as attachNode, websocket as nodeRoute, type Attachment, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { attach as attachExpress, websocket as expressRoute } from "@upwire/express";
import { attach as attachFastify, websocket as fastifyRoute } from "@upwire/fastify";
import { attach as attachFastifyPlugin, websocket as fastifyPluginRoute } from "@upwire/fastify/websocket";
import { attach as attachHono, websocket as honoRoute } from "@upwire/hono";
import { attach as attachNodeWs, websocket as nodeWsRoute } from "@upwire/hono/node-ws";
import { attach as attachKoa, websocket as koaRoute } from "@upwire/koa";
import { serve } from "@hono/node-server";
import { createNodeWebSocket } from "@hono/node-ws";
import { Router } from "@koa/router";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";

/** One route, `/ws`, in the framework's own manner. */
interface RouteSetup {
  readonly handler: ConnectionHandler;
  readonly options: UpgraderOptions;
  /** @default 0, a free one */
  readonly port?: number;
}

export interface RunningVariant {
  readonly server: Server;
  readonly attachment: Attachment;
}

type Builder = (setup: RouteSetup) => Promise<RunningVariant>;

const HOST = "127.0.0.1";

async function listening(server: Server, attachment: Attachment): Promise<RunningVariant> {
  await once(server, "listening");
  return { server, attachment };
}

export const variants: Readonly<Record<string, Builder>> = {
  node({ handler, options, port = 0 }) {
    const ws = nodeRoute(handler, options);
    const server = createServer((req, res) => {
      if (req.url?.split("?", 1)[0] === "/ws") void ws(req, res);
      else res.writeHead(404).end();
    });
    return listening(server.listen(port, HOST), attachNode(server));
  },

  express({ handler, options, port = 0 }) {
    const app = express();
    app.get("/ws", expressRoute(handler, options));
    const server = app.listen(port, HOST);
    return listening(server, attachExpress(server));
  },

  async fastify({ handler, options, port = 0 }) {
    const app = Fastify();
    await app.register(attachFastify);
    app.get("/ws", fastifyRoute(handler, options));
    await app.listen({ host: HOST, port });
    return { server: app.server, attachment: app.upwire };
  },

  hono({ handler, options, port = 0 }) {
    const app = new Hono();
    app.get("/ws", honoRoute(handler, options));
    const server = serve({ fetch: app.fetch, hostname: HOST, port }) as Server;
    return listening(server, attachHono(server));
  },

  koa({ handler, options, port = 0 }) {
    const router = new Router();
    router.get("/ws", koaRoute(handler, options));
    const server = new Koa().use(router.routes()).listen(port, HOST);
    return listening(server, attachKoa(server));
  },

  async "fastify-websocket"({ handler, options, port = 0 }) {
    const app = Fastify();
    await app.register(attachFastifyPlugin);
    app.get("/ws", fastifyPluginRoute(handler, options));
    await app.listen({ host: HOST, port });
    return { server: app.server, attachment: app.upwire };
  },

  "hono-node-ws"({ handler, options, port = 0 }) {
    const app = new Hono();
    const nodeWs = createNodeWebSocket({ app });
    app.get("/ws", nodeWsRoute(nodeWs, handler, options));
    const server = serve({ fetch: app.fetch, hostname: HOST, port }) as Server;
    return listening(server, attachNodeWs(server, nodeWs));
  },
};

export const variantNames: readonly string[] = Object.keys(variants);
