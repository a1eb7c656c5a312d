import type { Clock } from "./clock.ts";

/** How long a turn of the event loop should take while there is much to do. Milliseconds. */
const SHORT_TURN_MS = 5;
const LONG_TURN_MS = 10;
const FEWEST = 50;
const MOST = 500;

/**
 * How many of many things to do in this turn of the event loop, so that everybody else gets a turn soon. What they bring
 * about counts too, such as the answers to close frames: so it goes by how long the last turn took as a whole.
 */
export class Pace {
  readonly #clock: Clock;
  #size = FEWEST;
  #startedAt: number | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Once for each turn. */
  next(): number {
    const now = this.#clock.now();
    const turnMs = this.#startedAt === undefined ? SHORT_TURN_MS : now - this.#startedAt;
    this.#startedAt = now;
    if (turnMs > LONG_TURN_MS) this.#size = Math.max(FEWEST, Math.floor(this.#size / 2));
    else if (turnMs < SHORT_TURN_MS) this.#size = Math.min(MOST, this.#size * 2);
    return this.#size;
  }
}

/** Calls `act` with each item, some in this turn of the event loop and the rest in later ones. */
export function inSlices<Item>(items: readonly Item[], clock: Clock, act: (item: Item) => void): void {
  const pace = new Pace(clock);
  let done = 0;
  const slice = (): void => {
    const end = done + pace.next();
    for (const item of items.slice(done, end)) act(item);
    done = end;
    if (done < items.length) setImmediate(slice);
  };
  slice();
}
