/** What of one topic, in one epoch, cannot be had any more. */
export class Losses {
  /** The history begins here, as far as is known. */
  #first: number;
  /** The last stretch that did not come here: everything after one offset, up to another one. */
  #after = -1;
  #to = -1;

  constructor(first: number) {
    this.#first = first;
  }

  begins(first: number): void {
    this.#first = Math.max(this.#first, first);
  }

  add(after: number, to: number): void {
    const touches = after <= this.#to && to >= this.#after;
    this.#after = touches ? Math.min(after, this.#after) : after;
    this.#to = touches ? Math.max(to, this.#to) : to;
  }

  /** What follows `after`, up to `to`, was in the history after all. Of what lies before it the history is asked again. */
  found(after: number, to: number): void {
    if (after < this.#to) this.#after = Math.max(this.#after, Math.min(to, this.#to));
  }

  /** Up to where what follows `position` did not come here; `undefined` when that is not known of it. */
  lostAfter(position: number): number | undefined {
    return position >= this.#after && position < this.#to ? this.#to : undefined;
  }

  /** Up to where the history has nothing that follows `position`. */
  forgottenAfter(position: number): number | undefined {
    return position + 1 < this.#first ? this.#first - 1 : undefined;
  }
}
