/**
 * A promise that may be left alone. A rejection ends a Node process when there is no `catch` or `await` for it, and a publish
 * is often written without. This one tells `report` instead, and only when the application does not look itself.
 */
export class Answer<T> extends Promise<T> {
  #watched = false;

  /** What `then` makes is an ordinary promise: its rejection is for who called `then`. */
  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** Rejects through `report` when the promise is unwatched at the end of the turn in which it was rejected. */
  static of<T>(report: (error: unknown) => void, run: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
    const answer = new Answer<T>(run);
    // `super.then` in place of `catch`, which would count as watching.
    answer.#quietly((error) => !answer.#watched && report(error));
    return answer;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise, and this is how it learns of an `await`
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.#watched = true;
    return super.then(fulfilled, rejected);
  }

  #quietly(rejected: (error: unknown) => void): void {
    void super.then(undefined, rejected);
  }
}
