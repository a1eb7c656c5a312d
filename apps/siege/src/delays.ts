import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { median } from "./crowd.ts";

const SECOND = 1_000_000;

/**
 * How late messages came, apart for each second: where other programs use the same cores, a second in which they had them
 * says nothing about a server, and what a server does to its clients shows in every second.
 */
export class Delays {
  readonly #seconds = new Map<number, RecordableHistogram>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** Both in microseconds. */
  record(planned: number, delay: number): void {
    const second = Math.floor(planned / SECOND);
    let delays = this.#seconds.get(second);
    if (delays === undefined) this.#seconds.set(second, (delays = createHistogram({ lowest: 1, highest: 1000 * SECOND, figures: 2 })));
    delays.record(Math.max(1, Math.round(delay)));
    this.#count++;
  }

  /** The median of what each second has as its percentile. Milliseconds. */
  typicalMs(percentile: number): number {
    return median([...this.#seconds.values()].map((delays) => delays.percentile(percentile))) / 1000;
  }
}
