import { inflateBegun, inflateWhole } from "./compression.ts";
import type { Fault } from "../base/errors.ts";
import type { MessageBuffer } from "./message-buffer.ts";
import type { Postponed, WorkBudget } from "./work-budget.ts";

/** Inflates the messages of one client, within the budget of each turn of the event loop. */
export class Inflater {
  readonly #maxBytes: number;
  readonly #budget: WorkBudget | undefined;
  /** Bytes of the message that had come when it was last inflated. */
  #probed = 0;
  #spentBefore = 0;

  /** @param maxBytes Longest message, inflated. @param budget Without it there is no limit for a turn. */
  constructor(maxBytes: number, budget: WorkBudget | undefined) {
    this.#maxBytes = maxBytes;
    this.#budget = budget;
  }

  /** A read of the socket begins. */
  beginRead(): void {
    this.#spentBefore = this.#budget?.spent ?? 0;
  }

  beginMessage(): void {
    this.#probed = 0;
  }

  /** Whether the turn has had its share, so that a compressed message waits; then `reader` goes on in a later turn. */
  postponesCompressed(reader: Postponed): boolean {
    const budget = this.#budget;
    if (budget?.isSpent !== true) return false;
    if (this.#hasSpent(budget)) budget.postponeServed(reader);
    else budget.postpone(reader);
    return true;
  }

  /**
   * The same for a message that is not compressed. It waits only if this read of the socket has spent any of the budget: short
   * requests may have long, compressed answers.
   */
  postponesPlain(reader: Postponed): boolean {
    const budget = this.#budget;
    if (budget?.isSpent !== true || !this.#hasSpent(budget)) return false;
    budget.postponeServed(reader);
    return true;
  }

  #hasSpent({ spent }: WorkBudget): boolean {
    return spent !== this.#spentBefore;
  }

  /** A whole message, or why it is none. */
  whole(raw: Buffer): Buffer | Fault {
    return this.#count(raw, inflateWhole(raw, this.#maxBytes));
  }

  /**
   * Inflates what is here of a message, so that one can see whether it can still become one. Only each time it has doubled:
   * a message in many pieces is not inflated as many times.
   * @returns `undefined` when it has not doubled.
   */
  probe({ bytes, length }: MessageBuffer): Buffer | Fault | undefined {
    if (length < 2 * this.#probed) return undefined;
    this.#probed = length;
    const raw = bytes.subarray(0, length);
    return this.#count(raw, inflateBegun(raw, this.#maxBytes));
  }

  #count(raw: Buffer, inflated: Buffer | Fault): Buffer | Fault {
    // What is too long was inflated as far as it may go.
    this.#budget?.inflated(Buffer.isBuffer(inflated) ? raw.byteLength + inflated.byteLength : this.#maxBytes);
    return inflated;
  }
}
