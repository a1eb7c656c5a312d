// A node of a cluster, for cluster-judge.mjs: `cluster-node.mjs BROKER PLACE`. Uses @upwire/cluster, realtime, redis and metrics as an
// application does, in any runtime, and from tarballs too. Prints where it listens as JSON, and does what it is asked at `/call/NAME`.
import { serve } from "@hono/node-server";
import { createClusterHub } from "@upwire/cluster";
import { shareBroker } from "@upwire/cluster/broker";
import { meshBroker } from "@upwire/cluster/mesh";
import { attach, createHub, websocket } from "@upwire/core";
import { createMetrics } from "@upwire/metrics";
import * as forExpress from "@upwire/metrics/express";
import * as forFastify from "@upwire/metrics/fastify";
import * as forHono from "@upwire/metrics/hono";
import * as forKoa from "@upwire/metrics/koa";
import * as forNode from "@upwire/metrics/node";
import { createRealtime } from "@upwire/realtime";
import { redisBroker } from "@upwire/redis";
import express from "express";
import Fastify from "fastify";
import { Hono } from "hono";
import Koa from "koa";
import { once } from "node:events";
import { createServer } from "node:http";

const HOST = "127.0.0.1";
const [kind, place] = process.argv.slice(2);
const prefix = "tried";

const brokers = {
  mesh: () => meshBroker({ folder: place }),
  url: () => redisBroker({ url: place, prefix }),
  ioredis: async () => redisBroker({ client: new (await import("ioredis")).Redis(place, { lazyConnect: true }), prefix }),
  "node-redis": async () => redisBroker({ client: (await import("redis")).createClient({ url: place }), prefix }),
};

const broker = await brokers[kind]();
const shared = shareBroker(broker);
const hub = createHub();
const cluster = createClusterHub(hub, shared.part("hub"));
const realtime = createRealtime({
  broker: shared.part("realtime"),
  authorize: ({ query }) => ({ id: query.get("as") ?? "nobody" }),
  onOpen: ({ connection }) => void hub.room("tea").add(connection),
  topics: { "room:{room}": { canSubscribe: () => true, canPublish: () => true } },
});
await Promise.all([cluster.started, realtime.started]);

const answers = websocket(realtime);
const server = createServer((req, res) => void answers(req, res));
const attachment = attach(server);
const metrics = createMetrics({
  attachments: { main: attachment },
  hubs: { chat: hub },
  clusterHubs: { chat: cluster },
  realtimes: { chat: realtime },
  brokers: { main: broker },
});

async function portOf(listening) {
  if (!listening.listening) await once(listening, "listening");
  return listening.address().port;
}

/** A server of each framework with `/metrics` and `/ready`. @returns its port, and what ends it */
const frameworks = {
  async node() {
    const [show, ready] = [forNode.metricsHandler(metrics), forNode.readinessHandler(metrics)];
    const own = createServer((req, res) => (req.url === "/metrics" ? show(req, res) : ready(req, res))).listen(0, HOST);
    return [await portOf(own), () => own.close()];
  },
  async express() {
    const app = express();
    app.all("/metrics", forExpress.metricsHandler(metrics)).all("/ready", forExpress.readinessHandler(metrics));
    const own = app.listen(0, HOST);
    return [await portOf(own), () => own.close()];
  },
  async fastify() {
    const app = Fastify();
    app.all("/metrics", forFastify.metricsHandler(metrics)).all("/ready", forFastify.readinessHandler(metrics));
    await app.listen({ port: 0, host: HOST });
    return [app.server.address().port, () => app.close()];
  },
  async hono() {
    const app = new Hono();
    app.all("/metrics", forHono.metricsHandler(metrics)).all("/ready", forHono.readinessHandler(metrics));
    const own = serve({ fetch: app.fetch, port: 0, hostname: HOST });
    return [await portOf(own), () => own.close()];
  },
  async koa() {
    const [show, ready] = [forKoa.metricsHandler(metrics), forKoa.readinessHandler(metrics)];
    const own = new Koa().use((ctx) => (ctx.path === "/metrics" ? show(ctx) : ready(ctx))).listen(0, HOST);
    return [await portOf(own), () => own.close()];
  },
};

const ends = [];
const ports = {};
for (const [name, start] of Object.entries(frameworks)) {
  const [port, end] = await start();
  ports[name] = port;
  ends.push(end);
}

/** What `/call/NAME` does. What it returns is the answer, as JSON. */
const calls = {
  nodes: () => broker.nodes(),
  state: () => broker.state(),
  room: () => cluster.room("tea").broadcast("to the room"),
  size: () => cluster.size(),
  user: () => realtime.user("ann").send("news", "to ann"),
  publish: () => realtime.topic("room:{room}", { room: "tea" }).publish("message", "of the server"),
  drain: async () => {
    await attachment.shutdown({ spreadMs: 0 });
    return metrics.readiness();
  },
  // Nothing is left that this process would wait for.
  end: () => void setImmediate(() => void stop()),
};

async function stop() {
  await Promise.all([realtime.stop(), cluster.stop()]);
  metrics.stop();
  for (const end of [() => server.close(), () => control.close(), ...ends]) end();
}

async function answer(req, res) {
  // A connection that is kept open would keep its server open as well.
  res.setHeader("connection", "close");
  try {
    res.end(JSON.stringify({ result: await calls[req.url.slice("/call/".length)]() }));
  } catch (error) {
    res.end(JSON.stringify({ error: String(error) }));
  }
}

const control = createServer((req, res) => void answer(req, res)).listen(0, HOST);
server.listen(0, HOST);
console.log(JSON.stringify({ node: broker.node, port: await portOf(server), control: await portOf(control), ports }));
