/**
 * How much inflating and deflating fits into one turn of the event loop, for all connections of one Upgrader together.
 *
 * One read of a socket may hold 60 messages that inflate to a mebibyte each: 100 ms and more in which no other client is read
 * and no timer runs. So a reader asks before each compressed message, and when this turn has had its share it stops and goes on
 * in a later one. Waiting readers take turns, the one that has waited longest first: a client that always has more delays
 * others by one share at a time.
 */

/** A reader that stopped because the budget of the turn was spent. */
export interface Postponed {
  /** Goes on until it has nothing left, or until the budget is spent: then it asks again. */
  goOn(): void;
}

/** Budget of one turn, in units of one inflated byte: about 1.5 ms. One message may exceed it, up to the length that the limits allow. */
const PER_TURN = 512 * 1024;
/** What each message costs, however short it is, in the same units: 5 microseconds for zlib, and as much for its buffers. */
const PER_CALL = 2 * 1024;
/** Deflating a byte takes so many times as long as inflating one. */
const DEFLATE_FACTOR = 8;

/** The budget of all connections of one Upgrader. */
export class WorkBudget {
  #spent = 0;
  #isCounting = false;
  // Readers that wait, in the order in which they go on: left over from earlier turns, without a share of this turn, with one.
  #next: readonly Postponed[] = [];
  #hungry: Postponed[] = [];
  #served: Postponed[] = [];

  /** Whether the budget of this turn is spent. */
  get isSpent(): boolean {
    return this.#spent >= PER_TURN;
  }

  /** Units that were spent in this turn: a reader that compares two values sees whether it has spent any. */
  get spent(): number {
    return this.#spent;
  }

  inflated(bytes: number): void {
    this.#spend(bytes + PER_CALL);
  }

  deflated(bytes: number): void {
    this.#spend(bytes * DEFLATE_FACTOR + PER_CALL);
  }

  /** Calls `target.goOn` in a later turn. The caller must not ask twice. */
  postpone(target: Postponed): void {
    this.#hungry.push(target);
    this.#count();
  }

  /** The same for a reader that has spent some of this turn's budget: readers that have not come first. */
  postponeServed(target: Postponed): void {
    this.#served.push(target);
    this.#count();
  }

  #spend(units: number): void {
    this.#spent += units;
    this.#count();
  }

  #count(): void {
    if (this.#isCounting) return;
    this.#isCounting = true;
    setImmediate(this.#nextTurn);
  }

  readonly #nextTurn = (): void => {
    this.#spent = 0;
    this.#isCounting = false;
    const waiting = [...this.#next, ...this.#hungry, ...this.#served];
    this.#hungry = [];
    this.#served = [];
    let served = 0;
    while (served < waiting.length && !this.isSpent) waiting[served++]?.goOn();
    this.#next = waiting.slice(served);
    if (this.#next.length > 0) this.#count();
  };
}
