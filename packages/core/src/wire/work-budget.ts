/**
 * How much inflating and deflating fits into one turn of the event loop, for all connections of one Upgrader together.
 *
 * One read of a socket may hold 60 messages that inflate to a mebibyte each: 100 ms and more in which no other client is read
 * and no timer runs. So a reader asks before each compressed message, and when this turn has had its share it stops and goes on
 * in a later one. Waiting readers take turns, the one that has waited longest first: a client that always has more delays
 * others by one share at a time.
 */

/** Something that stopped since the turn had had its share. */
export interface Postponed {
  /** Goes on until it has no more or the budget is spent, and then asks again. */
  goOn(): void;
}

/** In units of one inflated byte: about 1.5 ms. One message may go beyond it, the longest that the limits allow. */
const PER_TURN = 512 * 1024;
/** To begin one costs so much, however short it is: 5 microseconds for zlib, and as much for its buffers. */
const PER_CALL = 2 * 1024;
/** To deflate a byte takes so many times as long as to inflate one. */
const DEFLATE_FACTOR = 8;

/** The budget of one Upgrader, which its compression holds. */
export class WorkBudget {
  #spent = 0;
  #isCounting = false;
  /** Readers whose turn it is next, readers that found nothing left in this turn, and readers that have had their share of it. */
  #next: readonly Postponed[] = [];
  #hungry: Postponed[] = [];
  #served: Postponed[] = [];

  /** Whether this turn has had its share. */
  get isSpent(): boolean {
    return this.#spent >= PER_TURN;
  }

  /** Units of this turn, so that one can see whether any were spent in between. */
  get spent(): number {
    return this.#spent;
  }

  inflated(bytes: number): void {
    this.#spend(bytes + PER_CALL);
  }

  deflated(bytes: number): void {
    this.#spend(bytes * DEFLATE_FACTOR + PER_CALL);
  }

  /** Calls `goOn` in a later turn; the caller sees to it that it asks once. */
  postpone(target: Postponed): void {
    this.#hungry.push(target);
    this.#count();
  }

  /** The same for a reader that had a share of this turn: readers that had none come first. */
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
