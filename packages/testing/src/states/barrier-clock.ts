import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

interface Due {
  at: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
}

/** Time that stands still while anybody of a group is at work, and moves on as soon as all of them wait for it. */
export class BarrierClock implements Clock {
  #now = 1000;
  readonly #due = new Set<Due>();
  readonly #stepMs: number;
  #working = 0;
  #waiting: (() => void)[] = [];

  /** @param stepMs How far it moves on each time. */
  constructor(stepMs: number) {
    this.#stepMs = stepMs;
  }

  now(): number {
    return this.#now;
  }

  after(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + ms, everyMs: undefined, run });
  }

  every(ms: number, run: () => void): Timer {
    return this.#add({ at: this.#now + ms, everyMs: ms, run });
  }

  /** Runs the members of the group at the same time. */
  async group(members: readonly (() => Promise<void>)[]): Promise<void> {
    this.#working = members.length;
    const work = async (member: () => Promise<void>): Promise<void> => {
      try {
        await member();
      } finally {
        this.#rest();
      }
    };
    await Promise.all(members.map(work));
  }

  /** For a member: settles once time has moved on by one step. */
  async step(): Promise<void> {
    const moved = new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#rest();
    await moved;
  }

  #rest(): void {
    this.#working--;
    if (this.#working > 0 || this.#waiting.length === 0) return;
    const waiting = this.#waiting.splice(0);
    this.#working = waiting.length;
    this.#advance();
    for (const resolve of waiting) resolve();
  }

  #advance(): void {
    const end = this.#now + this.#stepMs;
    for (;;) {
      let next: Due | undefined;
      for (const due of this.#due) if (due.at <= end && due.at < (next?.at ?? Infinity)) next = due;
      if (next === undefined) break;
      this.#now = next.at;
      if (next.everyMs === undefined) this.#due.delete(next);
      else next.at += next.everyMs;
      next.run();
    }
    this.#now = end;
  }

  #add(due: Due): Timer {
    this.#due.add(due);
    return { cancel: () => this.#due.delete(due) };
  }
}
