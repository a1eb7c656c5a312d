/** Steps within one power of two: a value is known to about 1.5 %. */
const STEP_BITS = 6;
const STEPS = 1 << STEP_BITS;

/** Counts of durations in microseconds; constant memory, no sorting. */
export class Histogram {
  readonly #counts = new Float64Array(STEPS * 32);
  #total = 0;

  add(milliseconds: number): void {
    const us = milliseconds > 0 ? (milliseconds * 1000) | 0 : 0;
    this.#counts[bucketOf(us)]!++;
    this.#total++;
  }

  /** In milliseconds; 0 when nothing was counted. */
  quantile(share: number): number {
    const wanted = share * this.#total;
    let seen = 0;
    for (let bucket = 0; bucket < this.#counts.length; bucket++) {
      seen += this.#counts[bucket]!;
      if (seen >= wanted && seen > 0) return middleOf(bucket) / 1000;
    }
    return 0;
  }
}

function bucketOf(us: number): number {
  const exponent = 31 - Math.clz32(us | 1);
  if (exponent < STEP_BITS) return us;
  const shift = exponent - STEP_BITS;
  return (shift + 1) * STEPS + ((us >> shift) - STEPS);
}

function middleOf(bucket: number): number {
  const shift = Math.floor(bucket / STEPS) - 1;
  if (shift < 0) return bucket;
  return (STEPS + (bucket % STEPS) + 0.5) * 2 ** shift;
}
