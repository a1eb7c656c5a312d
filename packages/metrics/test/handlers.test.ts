import { once } from "node:events";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { serve } from "@hono/node-server";
import { attach } from "@upwire/core";
import express from "express";
import Fastify from "fastify";
import { linkedBrokers } from "@upwire/testing";
import { Hono } from "hono";
import Koa from "koa";
import { describe, expect, it, onTestFinished, vi } from "vitest";
import { createMetrics, type Metrics } from "../src/index.ts";
import * as forExpress from "../src/express.ts";
import * as forFastify from "../src/fastify.ts";
import * as forHono from "../src/hono.ts";
import * as forKoa from "../src/koa.ts";
import * as forNode from "../src/node.ts";
import { parseExposition, valueOf } from "./helpers/exposition.ts";

interface Running {
  readonly server: Server;
  readonly close: () => unknown;
}

/** A server of each framework, with `/metrics`, `/ready`, and the same for GET alone below `/get`. */
const frameworks: Readonly<Record<string, (metrics: Metrics) => Promise<Running>>> = {
  async node(metrics) {
    const answers = new Map([
      ["/metrics", forNode.metricsHandler(metrics)],
      ["/ready", forNode.readinessHandler(metrics)],
    ]);
    const server = createServer((req, res) => answers.get((req.url ?? "").replace("/get/", "/"))?.(req, res)).listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
  async express(metrics) {
    const app = express();
    app.use("/metrics", forExpress.metricsHandler(metrics)).use("/ready", forExpress.readinessHandler(metrics));
    app.get("/get/metrics", forExpress.metricsHandler(metrics)).get("/get/ready", forExpress.readinessHandler(metrics));
    const server = app.listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
  async fastify(metrics) {
    const app = Fastify();
    app.all("/metrics", forFastify.metricsHandler(metrics)).all("/ready", forFastify.readinessHandler(metrics));
    app.get("/get/metrics", forFastify.metricsHandler(metrics)).get("/get/ready", forFastify.readinessHandler(metrics));
    await app.listen({ port: 0, host: "127.0.0.1" });
    return { server: app.server, close: () => app.close() };
  },
  async hono(metrics) {
    const app = new Hono();
    app.all("/metrics", forHono.metricsHandler(metrics)).all("/ready", forHono.readinessHandler(metrics));
    app.get("/get/metrics", forHono.metricsHandler(metrics)).get("/get/ready", forHono.readinessHandler(metrics));
    const server = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }) as Server;
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
  async koa(metrics) {
    const [show, ready] = [forKoa.metricsHandler(metrics), forKoa.readinessHandler(metrics)];
    const server = new Koa().use((ctx) => (ctx.path.endsWith("/metrics") ? show(ctx) : ready(ctx))).listen(0, "127.0.0.1");
    await once(server, "listening");
    return { server, close: () => server.close() };
  },
};

async function run(name: string): Promise<{ url: string; metrics: Metrics; attachment: ReturnType<typeof attach>; cut: (isCut: boolean) => void }> {
  const attachment = attach(createServer());
  const network = linkedBrokers();
  const broker = network.broker();
  await broker.start({ message() {}, top() {}, gap() {}, state() {}, told() {}, nodes() {} });
  const metrics = createMetrics({ attachments: { main: attachment }, brokers: { main: broker }, eventLoopDelay: false });
  const { server, close } = await (frameworks[name]?.(metrics) ?? Promise.reject(new Error(name)));
  onTestFinished(async () => {
    metrics.stop();
    server.closeAllConnections();
    await close();
    await broker.close();
  });
  const cut = (isCut: boolean): void => (isCut ? network.cut(broker.node) : network.mend(broker.node));
  return { cut, url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, metrics, attachment };
}

describe.each(Object.keys(frameworks))("%s", (name) => {
  it("answers GET and HEAD with Prometheus text", async () => {
    const { url, metrics } = await run(name);
    for (const path of ["/metrics", "/get/metrics"]) {
      const got = await fetch(url + path);
      const text = await got.text();
      expect([got.status, got.headers.get("content-type"), got.headers.get("cache-control")]).toEqual([
        200,
        "text/plain; version=0.0.4; charset=utf-8",
        "no-store",
      ]);
      expect([...parseExposition(text).keys()]).toEqual([...parseExposition(metrics.text()).keys()]);
      const head = await fetch(url + path, { method: "HEAD" });
      expect([head.status, head.headers.get("content-type"), await head.text()]).toEqual([200, "text/plain; version=0.0.4; charset=utf-8", ""]);
    }
  });

  it("answers 200 while it is ready, and 503 with the reasons from then on", async () => {
    const { url, attachment } = await run(name);
    const ask = async (path: string, method = "GET"): Promise<unknown[]> => {
      const answer = await fetch(url + path, { method });
      return [answer.status, answer.headers.get("content-type"), answer.headers.get("cache-control"), await answer.text()];
    };
    const json = "application/json; charset=utf-8";
    for (const path of ["/ready", "/get/ready"]) expect(await ask(path)).toEqual([200, json, "no-store", '{"ready":true,"reasons":[]}']);
    void attachment.shutdown();
    const body = '{"ready":false,"reasons":["attachment main is shutting down"]}';
    for (const path of ["/ready", "/get/ready"]) {
      expect(await ask(path)).toEqual([503, json, "no-store", body]);
      expect(await ask(path, "HEAD")).toEqual([503, json, "no-store", ""]);
    }
  });

  it("answers 503 while a broker is down, and 200 when it is back", async () => {
    const { url, cut } = await run(name);
    const ask = async (): Promise<unknown[]> => {
      const [ready, show] = await Promise.all([fetch(`${url}/ready`), fetch(`${url}/metrics`)]);
      const text = await show.text();
      return [ready.status, await ready.json(), valueOf(text, "upwire_process_ready"), valueOf(text, "upwire_broker_state", { broker: "main", state: "down" })];
    };
    expect(await ask()).toEqual([200, { ready: true, reasons: [] }, 1, 0]);
    cut(true);
    expect(await ask()).toEqual([503, { ready: false, reasons: ["broker main is down"] }, 0, 1]);
    cut(false);
    await vi.waitFor(async () => expect(await ask()).toEqual([200, { ready: true, reasons: [] }, 1, 0]), 5000);
  });

  it.each(["POST", "PUT", "DELETE", "OPTIONS"])("answers %s with 405 and what there is", async (method) => {
    const { url } = await run(name);
    for (const path of ["/metrics", "/ready"]) {
      const answer = await fetch(url + path, { method });
      expect([answer.status, answer.headers.get("allow"), await answer.text()]).toEqual([405, "GET, HEAD", "Only GET and HEAD are answered here.\n"]);
    }
  });
});

it.each([
  ["node", forNode],
  ["express", forExpress],
  ["fastify", forFastify],
  ["hono", forHono],
  ["koa", forKoa],
])("refuses what is no metrics for %s", (_, handlers) => {
  for (const [name, make] of Object.entries(handlers)) {
    expect(() => make({ text: "" })).toThrow(new TypeError(`${name}: an object is not allowed; give what createMetrics(…) returns`));
  }
});
