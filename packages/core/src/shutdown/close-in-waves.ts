import type { Clock, Timer } from "../base/clock.ts";
import { checkClose } from "../base/close-code.ts";
import { Connection } from "../connection/connection.ts";
import { channels } from "../base/channels.ts";
import { defaults } from "../base/defaults.ts";
import { guard } from "../base/guard.ts";
import { checkCount } from "../base/limits.ts";
import { inNoContext } from "../base/no-context.ts";
import { ServedClock } from "../base/served-clock.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";

export interface CloseAllOptions {
  /** Close code. @default 1001 */
  readonly code?: number;
  /** At most 123 bytes. @default "going away" */
  readonly reason?: string;
  /** Time for the clients to answer; then their sockets are destroyed. Milliseconds. @default 5000 */
  readonly graceMs?: number;
}

const { anything } = kinds;
const closeAllKinds: OptionKinds<CloseAllOptions> = { code: anything, reason: anything, graceMs: anything };

/** How many connections are to end. */
export interface ClosingPlan {
  /** Closes one connection, behind what its `leaving` hook sends. Never throws. */
  readonly farewell: (connection: Connection) => void;
  /** The time over which they are closed, in waves; 0 closes all at once. */
  readonly spreadMs: number;
  /** The time for answers after the last wave; then what is left is destroyed. */
  readonly graceMs: number;
}

/**
 * So many at a time, and the time until the next: each close frame is answered, and 10,000 answers that come together would
 * hold all other clients up for 100 ms. This is about half of what a core can do.
 */
const SLICE = 50;
const SLICE_MS = 10;
/** Between two waves, unless there are fewer connections than waves. */
const WAVE_MS = 100;

/** Calls `act` with each item, some in this turn of the event loop and the rest in later ones. For what no client answers. */
export function inSlices<Item>(items: readonly Item[], act: (item: Item) => void): void {
  let at = 0;
  const next = (): void => {
    for (const end = Math.min(items.length, at + SLICE); at < end; at++) act(items[at] as Item);
    if (at < items.length) setImmediate(next);
  };
  next();
}

/** The plan to close all at once. @throws RangeError or TypeError for options that cannot be meant. */
export function closingPlan(options: CloseAllOptions | undefined): ClosingPlan {
  const {
    code = defaults.close.code,
    reason = defaults.close.reason,
    graceMs = defaults.close.graceMs,
  } = readOptions<CloseAllOptions>("close", options, closeAllKinds);
  checkClose(code, reason);
  return {
    farewell: (connection) => Connection.leave(connection, { code, reason, retryAfterMs: undefined }),
    spreadMs: 0,
    graceMs: checkCount("graceMs", graceMs, 0),
  };
}

/** The end of many connections, in the order given. What a client does or does not do never holds it up. */
export class Closing {
  /** Settles when all are gone, at the latest `graceMs` after the last wave. */
  readonly done: Promise<void>;
  readonly #all: readonly Connection[];
  readonly #clock: ServedClock;
  readonly #plan: ClosingPlan;
  readonly #waves: number;
  readonly #startedAt: number;
  #closed = 0;
  /** How many should be closed by now. */
  #due = 0;
  #isSlicing = false;
  /** Of the next slice. */
  #sliceTimer: Timer | undefined;
  /** Of the next wave, and after the last one of the grace time. */
  #timer: Timer | undefined;

  /** Closes the first wave, or its first slice, at once. */
  constructor(connections: Iterable<Connection>, clock: Clock, plan: ClosingPlan) {
    this.#all = [...connections];
    this.#clock = ServedClock.from(clock);
    this.#plan = plan;
    this.#waves = Math.max(1, Math.min(this.#all.length, Math.floor(plan.spreadMs / WAVE_MS)));
    this.#startedAt = this.#clock.now();
    this.done = this.#allGone();
    // All waves alike: none tells its clients in the context of the request that asked for the end.
    if (this.#all.length > 0) inNoContext(() => this.#runWave(1));
  }

  /** The time until the last one is told, as planned: many take longer than `spreadMs`. Milliseconds. */
  get spreadMs(): number {
    return Math.max(this.#plan.spreadMs, Math.floor(this.#all.length / SLICE) * SLICE_MS);
  }

  /** Closes the rest now. */
  hasten(): void {
    if (this.#due === this.#all.length) return;
    this.#timer?.cancel();
    this.#closeUpTo(this.#all.length);
  }

  #allGone(): Promise<void> {
    let open = this.#all.length;
    return new Promise((resolve) => {
      if (open === 0) return resolve();
      const gone = (): void => {
        if (--open > 0) return;
        this.#sliceTimer?.cancel();
        this.#timer?.cancel();
        resolve();
      };
      for (const connection of this.#all) connection.onClose(gone);
    });
  }

  #runWave(wave: number): void {
    this.#closeUpTo(Math.ceil((this.#all.length * wave) / this.#waves));
    // Also when a `leaving` hook called for haste.
    if (this.#due === this.#all.length) return;
    const dueAt = this.#startedAt + (this.#plan.spreadMs * wave) / this.#waves;
    this.#timer = this.#clock.after(Math.max(0, dueAt - this.#clock.now()), () => this.#runWave(wave + 1));
  }

  #closeUpTo(due: number): void {
    this.#due = due;
    if (!this.#isSlicing) this.#closeSlice();
  }

  #closeSlice(): void {
    const slice = this.#all.slice(this.#closed, Math.min(this.#due, this.#closed + SLICE));
    this.#closed += slice.length;
    this.#isSlicing = true;
    for (const connection of slice) if (connection.isOpen) this.#plan.farewell(connection);
    this.#isSlicing = this.#closed < this.#due;
    if (this.#isSlicing) this.#sliceTimer = this.#clock.after(SLICE_MS, () => this.#closeSlice());
    else if (this.#closed === this.#all.length) this.#timer = this.#clock.after(this.#plan.graceMs, () => inSlices(this.#all, cut));
  }
}

/** A stand-in of a test may throw: the others are destroyed all the same. */
function cut(connection: Connection): void {
  guard(
    () => connection.terminate(),
    (error) => channels.error.publish({ error, connection }),
  );
}

/** Closes every connection and settles when all are gone. @throws RangeError for options that cannot be meant. */
export async function closeAll(connections: Iterable<Connection>, clock: Clock, options?: CloseAllOptions): Promise<void> {
  await new Closing(connections, clock, closingPlan(options)).done;
}
