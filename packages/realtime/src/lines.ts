import type { AppCalls, Outcome } from "./app-calls.ts";
import { Line, type Place } from "./line.ts";

/**
 * Runs checks of the application so that what follows them happens in the order in which they began, per name. A check that
 * answers at once, which is the common case, makes no line.
 */
export class Lines {
  readonly #lines = new Map<string, Line>();
  readonly #calls: AppCalls;

  constructor(calls: AppCalls) {
    this.#calls = calls;
  }

  get isEmpty(): boolean {
    return this.#lines.size === 0;
  }

  /** As `AppCalls.run`; `outcome` is called behind that of every earlier `run` of this name. */
  run(name: string, check: () => unknown, { done, failed }: Outcome): void {
    const before = this.#lines.get(name);
    let place = before?.enter();
    let isOver = false;
    const follow = (work: () => void): void => {
      isOver = true;
      if (place === undefined) return work();
      place.ready(work);
      if (this.#lines.get(name)?.isEmpty === true) this.#lines.delete(name);
    };
    this.#calls.run(check, { done: (value) => follow(() => done(value)), failed: (error) => follow(() => failed(error)) });
    if (isOver || place !== undefined) return;
    place = this.#begin(name);
  }

  #begin(name: string): Place {
    const line = this.#lines.get(name) ?? new Line();
    this.#lines.set(name, line);
    return line.enter();
  }
}
