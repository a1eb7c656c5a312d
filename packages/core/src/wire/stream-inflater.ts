import { constants, createInflateRaw, type InflateRaw } from "node:zlib";
import { DEFLATE_TAIL } from "./compression.ts";
import type { Postponed, WorkBudget } from "./work-budget.ts";

/** Gets the bytes. It is never called within a call of the inflater. */
export interface InflaterOwner {
  /** Whether it takes bytes now. If it does not, it calls `pump` later. */
  readonly hasRoom: boolean;
  onInflated(bytes: Buffer): void;
  /** The inflater has used the bytes that were written, and takes more. */
  onConsumed(): void;
  /** The deflate stream has ended, and `onInflated` has got all bytes. */
  onEnd(): void;
  /** The bytes are no deflate stream. */
  onCorrupt(): void;
}

/**
 * Inflates one message piece by piece. zlib stops by itself when its output is not taken: at most 16 KiB wait in its stream and 16 in
 * its buffer, whatever the message inflates to. What is taken counts against the budget of the turn, as with whole messages.
 */
export class StreamInflater implements Postponed {
  readonly #owner: InflaterOwner;
  readonly #budget: WorkBudget | undefined;
  readonly #zlib: InflateRaw;
  #isBusy = false;
  #isPostponed = false;
  #isOver = false;

  constructor(owner: InflaterOwner, budget: WorkBudget | undefined) {
    this.#owner = owner;
    this.#budget = budget;
    this.#zlib = createInflateRaw({ finishFlush: constants.Z_SYNC_FLUSH, readableHighWaterMark: 16 * 1024 } as object);
    this.#zlib.on("readable", () => this.pump());
    this.#zlib.on("end", () => this.#ended());
    this.#zlib.on("error", () => this.#failed());
  }

  /** Whether it still uses the bytes that were written. */
  get isBusy(): boolean {
    return this.#isBusy;
  }

  /** Takes the next piece of the message, when it is not busy. The piece must not change until `onConsumed`. */
  write(piece: Buffer): void {
    if (this.#isOver) return;
    this.#isBusy = true;
    this.#zlib.write(piece, () => this.#consumed());
  }

  /** The message is complete. */
  end(): void {
    if (!this.#isOver) this.#zlib.end(DEFLATE_TAIL);
  }

  /** Gives the owner what is inflated, as long as it has room. */
  pump(): void {
    while (!this.#isOver && !this.#isPostponed && this.#owner.hasRoom) {
      if (this.#budget?.isSpent === true) {
        this.#isPostponed = true;
        return this.#budget.postponeServed(this);
      }
      const bytes = this.#zlib.read() as Buffer | null;
      if (bytes === null) return;
      this.#budget?.inflated(bytes.byteLength);
      this.#owner.onInflated(bytes);
    }
  }

  goOn(): void {
    this.#isPostponed = false;
    this.pump();
  }

  close(): void {
    this.#isOver = true;
    this.#isBusy = false;
    this.#zlib.destroy();
  }

  #consumed(): void {
    if (this.#isOver) return;
    this.#isBusy = false;
    this.#owner.onConsumed();
  }

  #ended(): void {
    if (this.#isOver) return;
    this.close();
    this.#owner.onEnd();
  }

  #failed(): void {
    if (this.#isOver) return;
    this.close();
    this.#owner.onCorrupt();
  }
}
