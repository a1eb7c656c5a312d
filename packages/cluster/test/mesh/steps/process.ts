import type { Clock } from "@upwire/core";

interface Due {
  at: number;
  readonly everyMs: number | undefined;
  readonly run: () => void;
  isOff: boolean;
}

/** Time that all processes of a run have in common. */
export interface Time {
  now: number;
}

/**
 * A process of a run: it works, stands still as after SIGSTOP, or has been killed. It comes to harm before a write, as processes do: whatever the
 * same turn still writes comes after the standstill, or never.
 */
export class Process {
  readonly clock: Clock;
  state: "works" | "stopped" | "killed" = "works";
  /** Writes, since the last `harmAt`. */
  writes = 0;
  readonly #time: Time;
  readonly #timers: Due[] = [];
  #stoppedAt = 0;
  #harm: { readonly at: number; readonly does: (process: Process) => void } | undefined;
  #held: (() => void)[] = [];

  constructor(time: Time) {
    this.#time = time;
    const add = (at: number, everyMs: number | undefined, run: () => void): { cancel: () => void } => {
      const due: Due = { at, everyMs, run, isOff: false };
      this.#timers.push(due);
      return { cancel: () => void (due.isOff = true) };
    };
    const now = (): number => (this.state === "stopped" ? this.#stoppedAt : time.now);
    this.clock = { now, after: (ms, run) => add(now() + Math.max(0, ms), undefined, run), every: (ms, run) => add(now() + ms, ms, run) };
  }

  /** Before write number `at`, counted from here, `does` is called. */
  harmAt(at: number, does: (process: Process) => void): void {
    this.writes = 0;
    this.#harm = { at, does };
  }

  /** No harm comes any more. */
  spare(): void {
    this.#harm = undefined;
  }

  /** Writes, unless the process has been killed; one that stands still does it when it goes on. */
  write(run: () => void): void {
    if (this.state === "works" && this.writes++ === this.#harm?.at) this.#harm.does(this);
    if (this.state === "works") run();
    else if (this.state === "stopped") this.#held.push(run);
  }

  stop(): void {
    if (this.state !== "works") return;
    this.#stoppedAt = this.#time.now;
    this.state = "stopped";
  }

  goOn(): void {
    if (this.state !== "stopped") return;
    this.state = "works";
    for (const run of this.#held.splice(0)) run();
  }

  kill(): void {
    this.state = "killed";
    this.#held = [];
  }

  /** When the next timer is due: at once after a standstill. */
  get nextAt(): number {
    return this.state === "works" ? Math.min(...this.#timers.map(({ at, isOff }) => (isOff ? Infinity : at))) : Infinity;
  }

  /** Runs the timer that is due first. One that is due again and again is late after a standstill, and comes once. */
  runTimer(): void {
    const live = this.#timers.filter(({ isOff }) => !isOff);
    const [due] = live.toSorted((a, b) => a.at - b.at);
    this.#timers.splice(0, this.#timers.length, ...live);
    if (due === undefined) return;
    if (due.everyMs === undefined) this.#timers.splice(this.#timers.indexOf(due), 1);
    else due.at = this.#time.now + due.everyMs;
    due.run();
  }
}
