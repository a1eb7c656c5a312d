import { metrics as global, type Attributes, type BatchObservableResult, type Meter, type MeterProvider, type Observable } from "@opentelemetry/api";
import { kindOf } from "./kind-of.ts";
import { Metrics } from "./metrics.ts";
import { attributeName, type Metric, type Sample } from "./tables/metric.ts";

/** Options of `observeMetrics`. */
export interface OpenTelemetryOptions {
  /** @default the global one; one that is registered later is not seen */
  readonly meterProvider?: MeterProvider;
}

/**
 * Makes an observable instrument for each metric. They are read together, whenever a reader of the SDK collects.
 * @returns what ends it.
 * @throws TypeError for what `createMetrics` has not returned, and for a `meterProvider` without `getMeter`.
 */
export function observeMetrics(metrics: Metrics, options: OpenTelemetryOptions = {}): () => void {
  if (!(metrics instanceof Metrics)) throw new TypeError(`observeMetrics: ${kindOf(metrics)} is not allowed; give what createMetrics(…) returns`);
  const { meterProvider = global.getMeterProvider() } = options;
  if (typeof meterProvider.getMeter !== "function") {
    throw new TypeError(
      `observeMetrics: meterProvider: ${kindOf(meterProvider)} is not allowed; give a MeterProvider, such as that of @opentelemetry/sdk-metrics`,
    );
  }
  const meter = meterProvider.getMeter("@upwire/metrics");
  const instruments = new Map(metrics.metrics.map((metric) => [metric.name, instrumentOf(meter, metric)]));
  const observe = (result: BatchObservableResult): void => {
    for (const { metric, samples } of metrics.collect()) {
      const instrument = instruments.get(metric.name);
      if (instrument === undefined) continue;
      for (const sample of samples) result.observe(instrument, sample.value, attributesOf(sample));
    }
  };
  const all = [...instruments.values()];
  meter.addBatchObservableCallback(observe, all);
  return () => meter.removeBatchObservableCallback(observe, all);
}

function instrumentOf(meter: Meter, { name, type, unit, help }: Metric): Observable {
  const options = { description: help, unit };
  if (type === "counter") return meter.createObservableCounter(name, options);
  if (type === "sum") return meter.createObservableUpDownCounter(name, options);
  return meter.createObservableGauge(name, options);
}

function attributesOf({ labels }: Sample): Attributes {
  return Object.fromEntries(Object.entries(labels).map(([label, value]) => [attributeName(label), value]));
}
