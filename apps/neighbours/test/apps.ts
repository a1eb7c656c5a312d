import { once } from "node:events";
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from "node:http";
import { createSecureServer } from "node:http2";
import { createServer as createTlsServer } from "node:https";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { createNodeWebSocket } from "@hono/node-ws";
import { serve } from "@hono/node-server";
import { Router } from "@koa/router";
import { attach, websocket, type AttachOptions, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import * as onExpress from "@upwire/express";
import * as onFastify from "@upwire/fastify";
import * as onFastifyWebsocket from "@upwire/fastify/websocket";
import * as onHono from "@upwire/hono";
import * as onHonoNodeWs from "@upwire/hono/node-ws";
import * as onKoa from "@upwire/koa";
import express from "express";
import Fastify, { type FastifyInstance } from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { serve as serve1 } from "node-server-1";
import { onTestFinished } from "vitest";

export type Protocol = "http" | "https" | "http2";

export interface AppOptions {
  /** `http2` also speaks HTTP/1.1. @default "http" */
  readonly protocol?: Protocol;
  /** For `https` and `http2`. */
  readonly certificate?: { readonly key: string; readonly cert: string };
  /** Without, the application has no WebSockets and nothing of ours on its server: the control. */
  readonly attached?: AttachOptions;
  /** Of the route `/ws`. */
  readonly route?: UpgraderOptions;
}

export interface App {
  readonly server: Server;
  readonly port: number;
}

interface Started {
  readonly server: Server;
  readonly close?: () => Promise<void>;
}

const echo: ConnectionHandler = { message: (connection, message) => void connection.send(message) };

/** The page, what a client posted to `/json`, and `undefined` for other paths. */
async function answer(method: string | undefined, path: string | undefined, body: () => Promise<unknown>): Promise<string | undefined> {
  if (path === "/page" && (method === "GET" || method === "HEAD")) return "the page";
  if (path === "/json" && method === "POST") return `got ${JSON.stringify(await body())}`;
  return undefined;
}

function serverFor(listener: RequestListener, { protocol = "http", certificate }: AppOptions): Server {
  if (protocol === "http") return createServer(listener);
  if (protocol === "https") return createTlsServer({ ...certificate }, listener);
  return createSecureServer({ ...certificate, allowHTTP1: true }, listener as never) as unknown as Server;
}

/** The options of a route that asks nothing of its framework fit each of them. */
function given<Native>(route: UpgraderOptions | undefined): UpgraderOptions<unknown, Native> {
  return route ?? {};
}

async function node(options: AppOptions): Promise<Started> {
  const ws = websocket(echo, options.route);
  const listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    if (req.url === "/ws" && options.attached !== undefined) return ws(req, res);
    const body = await answer(req.method, req.url, async () => JSON.parse(await text(req)) as unknown);
    res.writeHead(body === undefined ? 404 : 200, { "content-type": "text/plain" }).end(body ?? "no such page");
  };
  const server = serverFor((req, res) => void listener(req, res), options);
  if (options.attached !== undefined) attach(server, options.attached);
  return { server };
}

async function onExpressApp(options: AppOptions): Promise<Started> {
  const app = express();
  app.get("/page", (_req, res) => void res.send("the page"));
  app.post("/json", express.json({ limit: "10mb" }), (req, res) => void res.send(`got ${JSON.stringify(req.body)}`));
  if (options.attached !== undefined) app.get("/ws", onExpress.websocket(echo, options.route));
  const server = serverFor(app, options);
  if (options.attached !== undefined) onExpress.attach(server, options.attached);
  return { server };
}

function fastifyApp({ protocol = "http", certificate }: AppOptions): FastifyInstance {
  const secure = protocol === "http" ? {} : protocol === "https" ? { https: { ...certificate } } : { http2: true, https: { ...certificate, allowHTTP1: true } };
  const app = Fastify({ ...secure, bodyLimit: 10_000_000, forceCloseConnections: true } as object) as unknown as FastifyInstance;
  app.get("/page", () => "the page");
  app.post("/json", ({ body }) => `got ${JSON.stringify(body)}`);
  return app;
}

async function onFastifyApp(options: AppOptions): Promise<Started> {
  const app = fastifyApp(options);
  if (options.attached !== undefined) {
    await app.register(onFastify.attach, options.attached);
    app.get("/ws", onFastify.websocket(echo, given(options.route)));
  }
  await app.ready();
  return { server: app.server, close: () => app.close() };
}

async function onFastifyWebsocketApp(options: AppOptions): Promise<Started> {
  const app = fastifyApp(options);
  if (options.attached !== undefined) {
    await app.register(onFastifyWebsocket.attach, options.attached);
    app.get("/ws", onFastifyWebsocket.websocket(echo, given(options.route)));
  }
  await app.ready();
  return { server: app.server, close: () => app.close() };
}

function honoApp(): Hono {
  const app = new Hono();
  app.get("/page", (c) => c.text("the page"));
  app.post("/json", async (c) => c.text(`got ${JSON.stringify(await c.req.json())}`));
  return app;
}

function honoServer({ protocol = "http", certificate }: AppOptions): object {
  if (protocol === "http") return {};
  if (protocol === "https") return { createServer: createTlsServer, serverOptions: { ...certificate } };
  return { createServer: createSecureServer, serverOptions: { ...certificate, allowHTTP1: true } };
}

async function onHonoApp(options: AppOptions): Promise<Started> {
  const app = honoApp();
  if (options.attached !== undefined) app.get("/ws", onHono.websocket(echo, given(options.route)));
  const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", ...honoServer(options) }) as Server;
  if (options.attached !== undefined) onHono.attach(server, options.attached);
  return { server };
}

async function onHonoNodeWsApp(options: AppOptions): Promise<Started> {
  const app = honoApp();
  const nodeWs = createNodeWebSocket({ app });
  if (options.attached !== undefined) app.get("/ws", onHonoNodeWs.websocket(nodeWs, echo, given(options.route)));
  const server = serve1({ fetch: app.fetch, port: 0, hostname: "127.0.0.1", ...honoServer(options) }) as Server;
  if (options.attached !== undefined) onHonoNodeWs.attach(server, nodeWs, options.attached);
  return { server };
}

async function onKoaApp(options: AppOptions): Promise<Started> {
  const app = new Koa();
  // Koa would write every error to stderr, a client that leaves among them.
  app.silent = true;
  const router = new Router();
  router.get("/page", (ctx) => {
    ctx.body = "the page";
  });
  router.post("/json", async (ctx) => {
    ctx.body = `got ${JSON.stringify(JSON.parse(await text(ctx.req)))}`;
  });
  if (options.attached !== undefined) router.get("/ws", onKoa.websocket(echo, given(options.route)));
  app.use(router.routes());
  const respond = app.callback();
  const server = serverFor((req, res) => void respond(req, res), options);
  if (options.attached !== undefined) onKoa.attach(server, options.attached);
  return { server };
}

/** All seven variants. */
const apps = {
  node,
  express: onExpressApp,
  fastify: onFastifyApp,
  hono: onHonoApp,
  koa: onKoaApp,
  "fastify-websocket": onFastifyWebsocketApp,
  "hono-node-ws": onHonoNodeWsApp,
} as const satisfies Record<string, (options: AppOptions) => Promise<Started>>;

export type Variant = keyof typeof apps;

export const variants = Object.keys(apps) as Variant[];

/**
 * Starts an application that answers `GET /page`, echoes the JSON of `POST /json`, has a WebSocket route `/ws` that echoes, and
 * 404 for the rest; it ends with the test.
 */
export async function startApp(variant: Variant, options: AppOptions = {}): Promise<App> {
  const { server, close } = await apps[variant](options);
  if (!server.listening) {
    if (server.address() === null) server.listen(0, "127.0.0.1");
    await once(server, "listening");
  }
  onTestFinished(async () => {
    if ("closeAllConnections" in server) server.closeAllConnections();
    if (close !== undefined) await close();
    else server.close();
  });
  return { server, port: (server.address() as AddressInfo).port };
}
