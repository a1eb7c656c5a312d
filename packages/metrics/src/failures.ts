import { channel } from "node:diagnostics_channel";
import { guard } from "@upwire/core/adapter";
import type { FailedSource, MetricsOptions } from "./options.ts";

/** Which sources could not be read, and how often. */
export class Failures {
  readonly #errors = channel("upwire:error");
  readonly #onError: NonNullable<MetricsOptions["onError"]>;
  readonly #counts = new Map<FailedSource, number>();
  /** Sources that could not be read the last time: each is reported once, and not with every scrape. */
  readonly #failing = new Set<FailedSource>();

  constructor(sources: readonly FailedSource[], onError: MetricsOptions["onError"]) {
    for (const source of sources) this.#counts.set(source, 0);
    this.#onError = onError ?? ((error, { kind, name }) => console.error(`upwire: the metrics of ${kind} ${name} cannot be read:`, error));
  }

  get counts(): { readonly source: string; readonly name: string; readonly count: number }[] {
    return [...this.#counts].map(([{ kind, name }, count]) => ({ source: kind, name, count }));
  }

  /** The source was read, without an error or with some. Never throws. */
  note(source: FailedSource, errors: readonly unknown[]): void {
    if (errors.length === 0) return void this.#failing.delete(source);
    this.#counts.set(source, (this.#counts.get(source) ?? 0) + 1);
    if (this.#failing.has(source)) return;
    this.#failing.add(source);
    const [error] = errors;
    this.#errors.publish({ error });
    // An `onError` that fails has nothing else to report to.
    guard(
      () => this.#onError(error, source),
      () => {},
    );
  }
}
