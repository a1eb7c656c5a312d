// Metrics on every framework, and what must not compile.
import { createServer } from "node:http";
import { memoryBroker } from "@upwire/cluster/broker";
import { attach, createHub } from "@upwire/core";
import { createMetrics, prometheusName, type Family, type Metrics, type MetricsOptions, type Readiness } from "@upwire/metrics";
import * as forExpress from "@upwire/metrics/express";
import * as forFastify from "@upwire/metrics/fastify";
import * as forHono from "@upwire/metrics/hono";
import * as forKoa from "@upwire/metrics/koa";
import * as forNode from "@upwire/metrics/node";
import { observeMetrics } from "@upwire/metrics/opentelemetry";
import { createRealtime } from "@upwire/realtime";
import { metrics as api } from "@opentelemetry/api";
import express from "express";
import Fastify from "fastify";
import Koa from "koa";

const options: MetricsOptions = {
  attachments: { main: attach(createServer()) },
  hubs: { chat: createHub<{ readonly id: string }>() },
  realtimes: { chat: createRealtime({ topics: { news: {} } }) },
  brokers: { memory: memoryBroker() },
  closureCodes: ["ERR_CHEATED"],
  readyWithoutBroker: true,
  onError: (error, { kind, name }) => console.error(kind, name, error),
};
export const metrics: Metrics = createMetrics(options);

const app = express();
app.get("/metrics", forExpress.metricsHandler(metrics));
app.use("/ready", forExpress.readinessHandler(metrics));
const fast = Fastify();
fast.get("/metrics", forFastify.metricsHandler(metrics));
fast.all("/ready", forFastify.readinessHandler(metrics));
const koa = new Koa();
koa.use(forKoa.metricsHandler(metrics));
const show = forNode.metricsHandler(metrics);
const onHono: (context: { readonly req: { readonly method: string } }) => Response = forHono.metricsHandler(metrics);
export const all: readonly unknown[] = [createServer((req, res) => show(req, res)), createServer(forNode.readinessHandler(metrics)), onHono, app, fast, koa];

export const stop: () => void = observeMetrics(metrics);
export const stopOther: () => void = observeMetrics(metrics, { meterProvider: api.getMeterProvider() });
export const { ready, reasons }: Readiness = metrics.readiness();
export const lines: readonly string[] = metrics.collect().map(({ metric, samples }: Family) => `${prometheusName(metric)} ${samples[0]?.value ?? "none"}`);

// What must not compile.

const make = (mistake: () => unknown): void => void mistake;

// @ts-expect-error -- sources have names
make(() => createMetrics({ hubs: [createHub()] }));
// @ts-expect-error -- a hub is no broker
make(() => createMetrics({ brokers: { chat: createHub() } }));
// @ts-expect-error -- there is no such option
make(() => createMetrics({ hub: { chat: createHub() } }));
// @ts-expect-error -- the metrics, and not their options
make(() => forNode.metricsHandler(options));
// @ts-expect-error -- for Koa a context, and not a request
make(() => koa.use(forFastify.metricsHandler(metrics)));
