import { metrics as global } from "@opentelemetry/api";
import {
  AggregationTemporality,
  DataPointType,
  InMemoryMetricExporter,
  MeterProvider,
  PeriodicExportingMetricReader,
  type MetricData,
} from "@opentelemetry/sdk-metrics";
import { createHub } from "@upwire/core";
import { expect, it, onTestFinished, vi } from "vitest";
import { createMetrics, type HubSource } from "../src/index.ts";
import { observeMetrics } from "../src/opentelemetry.ts";
import { attributeName, type Sample } from "../src/tables/metric.ts";
import { optionsOf, realSources } from "./helpers/sources.ts";

/** The SDK, and what it collects. */
function sdk(): { readonly meterProvider: MeterProvider; readonly collect: () => Promise<MetricData[]> } {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 });
  const meterProvider = new MeterProvider({ readers: [reader] });
  onTestFinished(() => meterProvider.shutdown());
  const collect = async (): Promise<MetricData[]> => {
    const { resourceMetrics, errors } = await reader.collect();
    expect(errors).toEqual([]);
    return resourceMetrics.scopeMetrics.filter(({ scope }) => scope.name === "@upwire/metrics").flatMap(({ metrics }) => metrics);
  };
  return { meterProvider, collect };
}

const keyOf = ({ labels }: Sample): string => JSON.stringify(Object.entries(labels).map(([label, value]) => [attributeName(label), value]));

it("gives the SDK every metric, with type, unit, attributes and values", async () => {
  const sources = await realSources();
  const metrics = createMetrics({ ...optionsOf(sources), eventLoopDelay: false });
  const { meterProvider, collect } = sdk();
  onTestFinished(observeMetrics(metrics, { meterProvider }));
  sources.peer.text("hello");
  const found = new Map((await collect()).map((data) => [data.descriptor.name, data]));
  const expected = metrics.collect();
  expect(expected.length).toBeGreaterThan(60);
  expect([...found.keys()]).toEqual(expected.map(({ metric }) => metric.name));
  for (const { metric, samples } of expected) {
    const data = found.get(metric.name);
    expect([data?.descriptor.unit, data?.descriptor.description]).toEqual([metric.unit, metric.help]);
    expect(data?.dataPointType).toBe(metric.type === "gauge" ? DataPointType.GAUGE : DataPointType.SUM);
    if (data?.dataPointType === DataPointType.SUM) expect([metric.name, data.isMonotonic]).toEqual([metric.name, metric.type === "counter"]);
    const points = new Map(data?.dataPoints.map(({ attributes, value }) => [JSON.stringify(Object.entries(attributes)), value as number]));
    expect([...points.keys()]).toEqual(samples.map(keyOf));
    if (metric.unit !== "s") expect([...points.values()]).toEqual(samples.map(({ value }) => value));
  }
  metrics.stop();
  await sources.stop();
});

it("reads no source between collections, nor after its end", async () => {
  const { stats } = createHub();
  const asked = vi.fn<() => typeof stats>(() => stats);
  const metrics = createMetrics({ hubs: { chat: Object.defineProperty({}, "stats", { get: asked }) as HubSource } });
  const { meterProvider, collect } = sdk();
  const stop = observeMetrics(metrics, { meterProvider });
  asked.mockClear();
  await collect();
  await collect();
  expect(asked).toHaveBeenCalledTimes(2);
  stop();
  await collect();
  expect(asked).toHaveBeenCalledTimes(2);
  metrics.stop();
});

it("names metrics and attributes as the semantic conventions do", async () => {
  const sources = await realSources();
  const metrics = createMetrics(optionsOf(sources));
  const names = metrics.metrics.map(({ name }) => name);
  for (const { name, unit, labels } of metrics.metrics) {
    expect(name).toMatch(/^upwire(?:\.[a-z][a-z0-9]*(?:_[a-z0-9]+)*)+$/);
    // A name is no namespace of another one, and has neither unit nor `total`.
    expect(names.filter((other) => other.startsWith(`${name}.`))).toEqual([]);
    expect(name).not.toMatch(/(?:total|bytes|seconds)$/);
    expect(unit).toMatch(/^(?:By|s|1|\{[a-z]+\})$/);
    for (const label of labels) expect(attributeName(label)).toMatch(/^(?:error\.type|upwire(?:\.[a-z_]+)+)$/);
  }
  metrics.stop();
  await sources.stop();
});

it("gives the rest when a source throws", async () => {
  const broken = Object.defineProperty({}, "stats", {
    get() {
      throw new Error("no stats");
    },
  }) as HubSource;
  const metrics = createMetrics({ hubs: { good: createHub(), broken }, onError: () => {} });
  const { meterProvider, collect } = sdk();
  onTestFinished(observeMetrics(metrics, { meterProvider }));
  const rooms = (await collect()).find(({ descriptor }) => descriptor.name === "upwire.hub.rooms");
  expect(rooms?.dataPoints.map(({ attributes, value }) => [attributes, value])).toEqual([[{ "upwire.hub.name": "good" }, 0]]);
  metrics.stop();
});

it("takes the global provider by default, and refuses what is none", async () => {
  const { meterProvider, collect } = sdk();
  global.setGlobalMeterProvider(meterProvider);
  onTestFinished(() => global.disable());
  const metrics = createMetrics();
  onTestFinished(observeMetrics(metrics));
  expect((await collect()).map(({ descriptor }) => descriptor.name)).toContain("upwire.process.ready");
  expect(() => observeMetrics({} as never)).toThrow(new TypeError("observeMetrics: an object is not allowed; give what createMetrics(…) returns"));
  expect(() => observeMetrics(metrics, { meterProvider: {} as never })).toThrow(
    new TypeError("observeMetrics: meterProvider: an object is not allowed; give a MeterProvider, such as that of @opentelemetry/sdk-metrics"),
  );
  metrics.stop();
});
