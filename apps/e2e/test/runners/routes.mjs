// One small application of each framework, as a user writes it, and what a user's test says about its route.
// Each file beside this one runs it in a test framework of its own; none of them is known to connectTo.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { Router } from "@koa/router";
import { createClient } from "@upwire/client";
import { attach as attachNode, websocket as nodeWebsocket } from "@upwire/core";
import { websocket as expressWebsocket } from "@upwire/express";
import { attach, websocket as fastifyWebsocket } from "@upwire/fastify";
import { websocket as honoWebsocket } from "@upwire/hono";
import { websocket as koaWebsocket } from "@upwire/koa";
import { createRealtime } from "@upwire/realtime";
import { connectTo } from "@upwire/testing/connect";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { WebSocket } from "ws";

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
export const names = [...Object.keys(apps), "a realtime"];

/** Its route echoes, and refuses foreign pages; a realtime answers by its protocol. */
export function check(name) {
  return name === "a realtime" ? checkRealtime() : checkEcho(name);
}

async function checkRealtime() {
  const options = { allowedHosts: ["127.0.0.1"] };
  const app = nodeWebsocket(createRealtime({ requests: { double: ({ payload }) => payload * 2 }, options }));
  const frames = await connectTo(app, "/ws", { subprotocols: ["upwire.v1"] });
  assert.equal((await frames.next()).json().type, "upwire.hello");
  frames.sendJson({ type: "double", id: 1, payload: 21 });
  assert.deepEqual((await frames.next()).json(), { re: 1, payload: 42 });
  await frames.close();

  const server = createServer((req, res) => void app(req, res));
  attachNode(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const client = createClient(`http://127.0.0.1:${server.address().port}/ws`, { WebSocket });
  assert.equal(await client.request("double", 21), 42);
  client.close();
  await once(server.close(), "close");
}

async function checkEcho(name) {
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
