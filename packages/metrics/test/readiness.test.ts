import { createServer } from "node:http";
import { attach } from "@upwire/core";
import { memoryBroker } from "@upwire/cluster/broker";
import { expect, it, onTestFinished } from "vitest";
import { createMetrics, type BrokerSource, type MetricsOptions, type Readiness } from "../src/index.ts";
import { valueOf } from "./helpers/exposition.ts";

const sink = { message() {}, top() {}, gap() {}, state() {}, told() {}, nodes() {} };

function readinessOf(options: MetricsOptions): { readonly now: () => Readiness; readonly gauge: () => number } {
  const metrics = createMetrics({ eventLoopDelay: false, onError: () => {}, ...options });
  onTestFinished(() => metrics.stop());
  return { now: () => metrics.readiness(), gauge: () => valueOf(metrics.text(), "upwire_process_ready") };
}

it("is ready without any source", () => {
  const { now, gauge } = readinessOf({});
  expect([now(), gauge()]).toEqual([{ ready: true, reasons: [] }, 1]);
});

it("is not ready from the call of shutdown or close on, and ready when the server listens again", async () => {
  const server = createServer();
  const attachment = attach(server);
  const { now, gauge } = readinessOf({ attachments: { main: attachment } });
  expect(now().ready).toBe(true);
  const done = attachment.shutdown({ spreadMs: 0 });
  expect([now(), gauge()]).toEqual([{ ready: false, reasons: ["attachment main is shutting down"] }, 0]);
  await done;
  expect(now().ready).toBe(false);
  server.emit("listening");
  expect(now().ready).toBe(true);
  void attachment.close();
  expect(now().ready).toBe(false);
});

it("is not ready while a broker is down", async () => {
  const broker = memoryBroker();
  await broker.start(sink);
  const { now, gauge } = readinessOf({ brokers: { memory: broker } });
  expect([now(), gauge()]).toEqual([{ ready: true, reasons: [] }, 1]);
  await broker.close();
  expect([now(), gauge()]).toEqual([{ ready: false, reasons: ["broker memory is down"] }, 0]);
});

it("is ready while a broker is degraded", () => {
  const broker = { ...standIn(), state: () => "degraded" };
  expect(readinessOf({ brokers: { redis: broker } }).now()).toEqual({ ready: true, reasons: [] });
});

it.each([["starting"], [undefined], [7], [Promise.resolve("up")], [{ toString: () => "up" }]])(
  "is not ready while a broker says that its state is %s",
  (state) => {
    const broker = { ...standIn(), state: () => state as string };
    const { now, gauge } = readinessOf({ brokers: { redis: broker } });
    expect([now(), gauge()]).toEqual([{ ready: false, reasons: ["broker redis cannot be asked"] }, 0]);
  },
);

it.each([["no"], [undefined], [0], [Promise.resolve(false)]])("is not ready while an attachment says that closing is %s", (isClosing) => {
  const { stats } = attach(createServer());
  const { now, gauge } = readinessOf({ attachments: { main: { isClosing: isClosing as never, stats } } });
  expect([now(), gauge()]).toEqual([{ ready: false, reasons: ["attachment main cannot be asked"] }, 0]);
});

it("is ready without the broker when the application says so, and still tells of it", () => {
  const broker = { ...standIn(), state: () => "down" };
  const { now, gauge } = readinessOf({ brokers: { redis: broker }, readyWithoutBroker: true });
  expect([now(), gauge()]).toEqual([{ ready: true, reasons: ["broker redis is down"] }, 1]);
  const attachment = attach(createServer());
  void attachment.close();
  const draining = readinessOf({ attachments: { main: attachment }, brokers: { redis: broker }, readyWithoutBroker: true });
  expect(draining.now()).toEqual({ ready: false, reasons: ["attachment main is shutting down", "broker redis is down"] });
});

it("is not ready while a source throws", () => {
  const broker = {
    ...standIn(),
    state(): string {
      throw new Error("no state");
    },
  };
  expect(readinessOf({ brokers: { redis: broker } }).now()).toEqual({ ready: false, reasons: ["broker redis cannot be asked"] });
});

function standIn(): BrokerSource {
  const { node, capabilities, stats } = memoryBroker();
  return { node, capabilities, stats, state: () => "up", nodes: () => [node] };
}
