/**
 * A promise that may be left alone. A rejection without a `catch` or an `await` ends a Node process, and a publish is often
 * written without. `answerOf` gives a promise that tells `report` instead, and only when the application does not look itself.
 */
class Answer<T> extends Promise<T> {
  isWatched = false;

  // oxlint-disable-next-line unicorn/no-thenable -- it is a promise, and this is how it learns of an `await` or a `catch`
  override then<A = T, B = never>(
    fulfilled?: ((value: T) => A | PromiseLike<A>) | null,
    rejected?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): Promise<A | B> {
    this.isWatched = true;
    return super.then(fulfilled, rejected);
  }
}

export function answerOf<T>(report: (error: unknown) => void, run: (resolve: (value: T) => void, reject: (error: unknown) => void) => void): Promise<T> {
  const answer = new Answer<T>(run);
  // Past our own `then`, which would count as watching. A turn later, since an application may look a little after the rejection.
  void Promise.prototype.then.call(answer, undefined, (error) => setTimeout(() => answer.isWatched || report(error)));
  return answer;
}
