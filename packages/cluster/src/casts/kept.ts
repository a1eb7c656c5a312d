import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

/** The time until what the broker refused is told once more. Milliseconds. */
const RETRY_MS = 500;
/** So many are kept at most; of too many the oldest is forgotten. */
const MAX_KEPT = 1000;
/** What they take together, at most; over it the oldest is forgotten. Bytes. */
const MAX_KEPT_BYTES = 16 * 1024 * 1024;

interface Told {
  readonly node: string | undefined;
  readonly data: Uint8Array;
  /** By the clock. */
  readonly until: number;
}

interface KeptSetup {
  readonly clock: Clock;
  readonly tell: (node: string | undefined, data: Uint8Array, options: { readonly keepMs: number }) => Promise<void>;
}

/** What must reach the other nodes within a time of its own, and was refused by the broker: a user who has to go, while the broker is down. */
export class Kept {
  readonly #setup: KeptSetup;
  #told: Told[] = [];
  #bytes = 0;
  #timer: Timer | undefined;
  #isClosed = false;

  constructor(setup: KeptSetup) {
    this.#setup = setup;
  }

  /** Tells it later, for `keepMs` from now on; not at all for 0. */
  add(node: string | undefined, data: Uint8Array, keepMs: number): void {
    this.#add({ node, data, until: this.#setup.clock.now() + keepMs });
  }

  /** The broker works again: tells all that is kept, in order. */
  retry(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const now = this.#setup.clock.now();
    const told = this.#takeAll();
    for (const one of told) {
      const keepMs = one.until - now;
      if (keepMs > 0) this.#setup.tell(one.node, one.data, { keepMs }).catch(() => this.#add(one));
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#timer?.cancel();
    this.#takeAll();
  }

  #takeAll(): Told[] {
    const told = this.#told;
    this.#told = [];
    this.#bytes = 0;
    return told;
  }

  #add(one: Told): void {
    if (this.#isClosed || one.until <= this.#setup.clock.now()) return;
    this.#told.push(one);
    this.#bytes += one.data.byteLength;
    while (this.#told.length > MAX_KEPT || this.#bytes > MAX_KEPT_BYTES) this.#bytes -= this.#told.shift()?.data.byteLength ?? 0;
    this.#timer ??= this.#setup.clock.after(RETRY_MS, () => this.retry());
  }
}
