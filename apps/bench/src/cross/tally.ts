import { Histogram } from "../driver/histogram.ts";
import { nowUs, readTexts } from "./text.ts";

export interface TallyCount {
  readonly received: number;
  readonly lost: number;
  readonly disorders: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

/** Counts what arrives, in its order. */
export class Tally {
  readonly #every: number;
  readonly #tell: (received: number) => void;
  #received = 0;
  #last = 0;
  #lost = 0;
  #disorders = 0;
  #latencies = new Histogram();

  /** `tell` hears of every so many messages, so that the publisher goes on. */
  constructor(every: number, tell: (received: number) => void) {
    this.#every = every;
    this.#tell = tell;
  }

  readonly take = (wrapped: string): void => {
    const now = nowUs();
    readTexts(wrapped, (number, atUs) => {
      // Published by who recorded it.
      if (number === 0) return;
      if (number <= this.#last) this.#disorders++;
      else this.#lost += number - this.#last - 1;
      this.#last = Math.max(number, this.#last);
      this.#latencies.add((now - atUs) / 1000);
      if (++this.#received % this.#every === 0) this.#tell(this.#received);
    });
  };

  /** The highest number that has come. */
  get last(): number {
    return this.#last;
  }

  /** Latencies count from here on. */
  clear(): void {
    this.#latencies = new Histogram();
  }

  get count(): TallyCount {
    const [lost, disorders] = [this.#lost, this.#disorders];
    return { received: this.#received, lost, disorders, p50Ms: this.#latencies.quantile(0.5), p99Ms: this.#latencies.quantile(0.99) };
  }
}
