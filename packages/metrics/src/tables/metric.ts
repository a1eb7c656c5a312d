/** One metric, as it is described to whatever reads it. */
export interface Metric {
  /** The name for OpenTelemetry: dots between namespaces, and no unit. `prometheusName` has the other one. */
  readonly name: string;
  /**
   * `counter`: only grows. `sum`: a gauge whose values may be added up over processes, an up-down counter for OpenTelemetry.
   * `gauge`: any other.
   */
  readonly type: "counter" | "sum" | "gauge";
  /** As UCUM writes it: `By`, `s`, `1`, or what is counted, such as `{connection}`. */
  readonly unit: string;
  /** The labels of every sample, by their Prometheus names. All of their values come from the application or from a fixed set. */
  readonly labels: readonly string[];
  /** What it means, in one sentence. */
  readonly help: string;
}

/** One value of a metric. */
export interface Sample {
  /** By the Prometheus names of the labels. */
  readonly labels: Readonly<Record<string, string>>;
  /** In the unit of the metric. */
  readonly value: number;
}

/** A metric, and what it was at one moment. */
export interface Family {
  readonly metric: Metric;
  /** One for each source and each value of its labels; none when the source could not be read. */
  readonly samples: readonly Sample[];
}

const unitNames: Readonly<Record<string, string>> = { By: "bytes", s: "seconds" };

/**
 * The name for Prometheus, by its rules: the base unit behind the name, and `_total` behind a counter.
 * Source: https://prometheus.io/docs/practices/naming/
 */
export function prometheusName({ name, type, unit }: Metric): string {
  const parts = [...name.split("."), unitNames[unit], type === "counter" ? "total" : undefined];
  return parts.filter((part) => part !== undefined).join("_");
}

/** What the labels are called by OpenTelemetry. `error.type` is of its semantic conventions: a class of error, of which there are few. */
const attributes: Readonly<Record<string, string>> = {
  code: "error.type",
  type: "upwire.message.type",
  state: "upwire.state",
  source: "upwire.source.kind",
  name: "upwire.source.name",
  node: "upwire.node",
  history: "upwire.broker.history",
  reach: "upwire.broker.reach",
};

/** The attribute of OpenTelemetry for a label of Prometheus: the label `hub` is `upwire.hub.name`. */
export function attributeName(label: string): string {
  return attributes[label] ?? `upwire.${label}.name`;
}
