import { Counters, type Stats } from "../base/counters.ts";

/** What the connections of one Upgrader share, and what lives as long as the last of them. */
export interface StatsSource {
  readonly counters: Counters;
  readonly heartbeat: { readonly bufferedBytes: number };
}

/** What has been counted for the connections that share this, and what waits to leave to them now. */
export function statsOf({ counters, heartbeat }: StatsSource): Stats {
  return counters.snapshot(heartbeat.bufferedBytes);
}

/**
 * The stats of several upgraders in one. It keeps none of them, since an application may make one for each request: what an
 * upgrader has counted stays in the sum when it and its connections are gone.
 */
export class StatsSum {
  readonly #met = new Map<Counters, WeakRef<StatsSource>>();
  /** What the upgraders that are gone had counted. */
  #past: Stats = new Counters().snapshot(0);
  readonly #gone: FinalizationRegistry<Counters> = new FinalizationRegistry((counters) => {
    this.#met.delete(counters);
    this.#past = plus(this.#past, counters.snapshot(0));
  });

  add(source: StatsSource): void {
    const { counters } = source;
    if (this.#met.has(counters)) return;
    this.#met.set(counters, new WeakRef(source));
    this.#gone.register(source, counters);
  }

  /** How many of them still exist. */
  get size(): number {
    return this.#met.size;
  }

  get stats(): Stats {
    let sum = this.#past;
    for (const [counters, source] of this.#met) sum = plus(sum, counters.snapshot(source.deref()?.heartbeat.bufferedBytes ?? 0));
    return sum;
  }
}

type Counts = Readonly<Partial<Record<string, number>>>;

/** Of two objects alike: every number added, those of `refused` and `ended` by code. */
function plus(one: Stats, other: Stats): Stats {
  const sum = (a: Counts, b: Counts): Counts =>
    Object.fromEntries([...new Set([...Object.keys(a), ...Object.keys(b)])].map((key) => [key, (a[key] ?? 0) + (b[key] ?? 0)]));
  const { refused, ended, ...numbers } = one;
  const { refused: otherRefused, ended: otherEnded, ...otherNumbers } = other;
  return { ...sum(numbers, otherNumbers), refused: sum(refused, otherRefused), ended: sum(ended, otherEnded) } as unknown as Stats;
}
