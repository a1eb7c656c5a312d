import type { Reach } from "./types.ts";

/** One cast while its answers come. */
export class PendingCast {
  readonly address: string;
  readonly number: number;
  readonly at: number;
  /** How many other nodes the broker has handed it to; `undefined` while the broker has not said it, and when it does not know. */
  others: number | undefined;
  /** Whether the broker has taken it over: `failed` when it does not know. */
  publish: "pending" | "done" | "failed" = "pending";
  isSettled = false;
  reached = 0;
  /** How many nodes it came to. */
  seen = 0;
  /** Which: the first one, and others if there are. */
  #firstSeenBy: string | undefined;
  #othersSeenBy: string[] | undefined;
  /** The nodes that were asked for their answer and have not given it; `undefined` as long as none had to be asked. */
  asked: string[] | undefined;
  readonly #resolve: (reach: Reach) => void;

  constructor(address: string, number: number, at: number, resolve: (reach: Reach) => void) {
    this.address = address;
    this.number = number;
    this.at = at;
    this.#resolve = resolve;
  }

  /** A node has answered that the cast came to it. The first answer of each counts. */
  noteSeen(node: string, took: number): void {
    if (this.isSeenBy(node)) return;
    if (this.#firstSeenBy === undefined) this.#firstSeenBy = node;
    else (this.#othersSeenBy ??= []).push(node);
    this.seen++;
    this.reached += took;
    this.noteAnswer(node);
  }

  isSeenBy(node: string): boolean {
    return node === this.#firstSeenBy || this.#othersSeenBy?.includes(node) === true;
  }

  /** A node has answered, and need not be waited for. */
  noteAnswer(node: string): void {
    const at = this.asked?.indexOf(node) ?? -1;
    if (at >= 0) this.asked?.splice(at, 1);
  }

  /** Whether all answers are there that can come. */
  get isAnswered(): boolean {
    return (this.others !== undefined && this.seen >= this.others) || (this.asked?.length === 0 && this.publish !== "pending");
  }

  /** Whether the broker has handed it to more nodes than have answered. */
  get isShort(): boolean {
    return this.others === undefined || this.seen < this.others;
  }

  settle(missing: readonly string[], delivery: Reach["delivery"]): void {
    this.isSettled = true;
    this.#resolve({ reached: this.reached, missing, delivery });
  }
}
