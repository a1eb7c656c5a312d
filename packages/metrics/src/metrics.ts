import { guardedClock } from "@upwire/core/adapter";
import { ChannelCounts } from "./channel-counts.ts";
import { EventLoop } from "./event-loop.ts";
import { Failures } from "./failures.ts";
import { checkOptions, type FailedSource, type MetricsOptions, type NamedSource } from "./options.ts";
import { prometheusText } from "./prometheus.ts";
import { readinessOf, type Readiness } from "./readiness.ts";
import { sourceKinds } from "./source-kinds.ts";
import type { Family, Metric, Sample } from "./tables/metric.ts";
import { delayRows, processRows, type ProcessReading } from "./tables/process.ts";
import { Reading } from "./tables/reading.ts";
import { samplesOf, type Row } from "./tables/row.ts";

/** A row with the metric that it is of. */
interface Column<From> {
  readonly row: Row<From>;
  readonly metric: Metric;
}

/** All sources of one kind. */
interface Group {
  readonly label: string;
  readonly sources: readonly (NamedSource & { readonly failed: FailedSource })[];
  readonly columns: readonly Column<Reading<never>>[];
}

/** The metrics of an application, and whether it is ready; `createMetrics` makes one. Everything is read when it is asked for. */
export class Metrics {
  readonly #counts = new ChannelCounts();
  readonly #loop: EventLoop | undefined;
  readonly #process: readonly Column<ProcessReading>[];
  readonly #groups: readonly Group[];
  readonly #failures: Failures;
  readonly #readiness: () => Readiness;

  /** @throws TypeError for options that cannot be meant. */
  constructor(given?: MetricsOptions) {
    const { sources, closureCodes = [], readyWithoutBroker = false, eventLoopDelay = true, onError, clock } = checkOptions(given);
    const of = (option: string): readonly NamedSource[] => sources.get(option) ?? [];
    this.#loop = eventLoopDelay ? new EventLoop(guardedClock(clock)) : undefined;
    this.#process = columnsOf("process", [], eventLoopDelay ? [...processRows, ...delayRows] : processRows);
    this.#groups = sourceKinds
      .filter(({ option }) => of(option).length > 0)
      .map(({ option, label, rows }) => ({
        label,
        sources: of(option).map(({ name, source }) => ({ name, source, failed: { kind: label, name } })),
        columns: columnsOf(label, [label], rows(closureCodes)),
      }));
    const readable = this.#groups.flatMap((group) => group.sources.map(({ failed }) => failed));
    this.#failures = new Failures(readable, onError);
    this.#readiness = () => readinessOf({ attachments: of("attachments"), brokers: of("brokers"), readyWithoutBroker });
  }

  /** What `collect` can find, in its order. It does not change. */
  get metrics(): readonly Metric[] {
    return [this.#process, ...this.#groups.map(({ columns }) => columns)].flat().map(({ metric }) => metric);
  }

  /**
   * Reads every source once. Never throws: of a source that does, the samples are missing, `failed_reads` counts it, and `onError` is
   * told the first time. For Prometheus there is `text`, for OpenTelemetry `@upwire/metrics/opentelemetry`.
   */
  collect(): readonly Family[] {
    const groups = this.#groups.flatMap((group) => this.#familiesOf(group));
    // After the sources, since it tells which of them failed.
    const reading: ProcessReading = { counts: this.#counts, loop: this.#loop, isReady: this.readiness().ready, failures: this.#failures.counts };
    return [...this.#process.map(({ row, metric }) => ({ metric, samples: read(row, reading) })), ...groups];
  }

  /** Everything as Prometheus reads it: text format 0.0.4, whose content type is `text/plain; version=0.0.4; charset=utf-8`. Never throws. */
  text(): string {
    return prometheusText(this.collect());
  }

  /**
   * Not ready while an attachment shuts down, or a broker is down, or one of them throws. Never throws. It is no liveness check: a
   * process that is not ready must not be killed for it, since its clients are still there.
   */
  readiness(): Readiness {
    return this.#readiness();
  }

  /** Ends the counting of events and the measuring of the event loop. The rest can still be read. */
  stop(): void {
    this.#counts.stop();
    this.#loop?.stop();
  }

  #familiesOf({ label, sources, columns }: Group): Family[] {
    const found = new Map<Metric, Sample[]>(columns.map(({ metric }) => [metric, []]));
    for (const { name, source, failed } of sources) {
      const reading = new Reading(source as never);
      const errors: unknown[] = [];
      for (const { row, metric } of columns) {
        try {
          const samples = read(row, reading).map(({ labels, value }) => ({ labels: { [label]: name, ...labels }, value }));
          found.get(metric)?.push(...samples);
        } catch (error) {
          errors.push(error);
        }
      }
      this.#failures.note(failed, errors);
    }
    return [...found].map(([metric, samples]) => ({ metric, samples }));
  }
}

/**
 * Metrics of what the application gives: `createMetrics({ attachments: { main: attachment }, hubs: { chat: hub } })`. It watches
 * diagnostics channels of the whole process until `stop`, so one for each process is enough.
 * @throws TypeError for options that cannot be meant.
 */
export function createMetrics(options?: MetricsOptions): Metrics {
  return new Metrics(options);
}

function columnsOf<From>(prefix: string, ownLabels: readonly string[], rows: readonly Row<From>[]): Column<From>[] {
  return rows.map((row) => {
    const { name, type, unit, help, labels = [] } = row;
    return { row, metric: { name: `upwire.${prefix}.${name}`, type, unit, help, labels: [...ownLabels, ...labels] } };
  });
}

function read<From>(row: Row<From>, from: From): Sample[] {
  return samplesOf({ name: row.name, read: () => row.read(from) });
}
