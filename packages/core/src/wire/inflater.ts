import { inflate } from "./compression.ts";
import type { ClosureCode } from "../base/errors.ts";
import type { MessageBuffer } from "./message-buffer.ts";
import { checkUtf8 } from "./utf8.ts";
import type { Postponed, WorkBudget } from "./work-budget.ts";

/** Inflates the messages of one client, as far as the turn of the event loop allows. */
export class Inflater {
  readonly #maxBytes: number;
  readonly #budget: WorkBudget | undefined;
  /** How much of the message was there when it was last looked at. */
  #probed = 0;
  #spentBefore = 0;

  /** @param maxBytes Longest message. @param budget Without it everything fits into a turn. */
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

  /**
   * Whether the turn has had its share; then `reader` goes on in a later one. What is not compressed waits only if this read has spent any: short requests may have
   * long, compressed answers.
   */
  postpones(reader: Postponed, isCompressed: boolean): boolean {
    const budget = this.#budget;
    if (budget?.isSpent !== true) return false;
    const hasSpent = budget.spent !== this.#spentBefore;
    if (!hasSpent && !isCompressed) return false;
    if (hasSpent) budget.postponeServed(reader);
    else budget.postpone(reader);
    return true;
  }

  /** A whole message, or why it is none. */
  whole(raw: Buffer): Buffer | ClosureCode {
    return this.#inflate(raw, true);
  }

  /**
   * Inflates what is here of a message to see whether it can still become one. Only each time it has doubled, so that a
   * message in many pieces is not inflated as many times.
   */
  probe({ bytes, length }: MessageBuffer, isText: boolean): ClosureCode | undefined {
    if (length < 2 * this.#probed) return undefined;
    this.#probed = length;
    const begun = this.#inflate(bytes.subarray(0, length), false);
    if (typeof begun === "string") return begun;
    return isText && checkUtf8(begun, 0, begun.byteLength, false) < 0 ? "ERR_UTF8" : undefined;
  }

  #inflate(raw: Buffer, isWhole: boolean): Buffer | ClosureCode {
    const bytes = inflate(raw, isWhole, this.#maxBytes);
    // What is too long was inflated as far as it may go.
    this.#budget?.inflated(typeof bytes === "string" ? this.#maxBytes : raw.byteLength + bytes.byteLength);
    return bytes;
  }
}
