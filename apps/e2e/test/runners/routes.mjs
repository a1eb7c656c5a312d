// One small application of each framework, as a user writes it, and what a user's test says about its route.
// Each file beside this one runs it in a test framework of its own; none of them is known to connectTo.
import assert from "node:assert/strict";
import { createServer } from "node:http";
import { Router } from "@koa/router";
import { websocket as nodeWebsocket } from "@upwire/core";
import { websocket as expressWebsocket } from "@upwire/express";
import { attach, websocket as fastifyWebsocket } from "@upwire/fastify";
import { websocket as honoWebsocket } from "@upwire/hono";
import { websocket as koaWebsocket } from "@upwire/koa";
import { connectTo } from "@upwire/testing/connect";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";

const echo = { message: (connection, message) => connection.send(message) };

const apps = {
  Express: () => express().get("/ws", expressWebsocket(echo)),
  Fastify: () => {
    const app = Fastify();
    app.register(attach);
    return app.get("/ws", fastifyWebsocket(echo));
  },
  Hono: () => new Hono().get("/ws", honoWebsocket(echo)),
  Koa: () => new Koa().use(new Router().get("/ws", koaWebsocket(echo)).routes()),
  "node:http": () => {
    const route = nodeWebsocket(echo);
    return createServer((req, res) => {
      if (req.url === "/ws") void route(req, res);
      else res.writeHead(404).end();
    });
  },
};

/** The name of each framework. */
export const names = Object.keys(apps);

/** Its route echoes, and refuses foreign pages. */
export async function check(name) {
  const app = apps[name]();
  const client = await connectTo(app, "/ws");
  client.sendJson({ text: "hello" });
  assert.deepEqual(JSON.parse((await client.next()).text()), { text: "hello" });
  client.send(Uint8Array.of(1, 2));
  assert.deepEqual([...(await client.next()).bytes], [1, 2]);
  assert.equal((await client.close()).code, 1000);
  await assert.rejects(connectTo(app, "/ws", { origin: "https://evil.example" }), { name: "RefusedError", status: 403, code: "ERR_ORIGIN" });
  await assert.rejects(connectTo(app, "/nothing"), { name: "RefusedError", status: 404 });
}
