import type { Engine } from "./engine.ts";

/** Why nothing is read from a client for a while. */
export const Hold = {
  /** Messages that nobody has taken. */
  inbox: 1,
  /** It sent more than the rate limit allows. */
  rate: 2,
  /** By the policy `pause`, it is behind with reading. */
  queue: 4,
} as const;

type Reason = (typeof Hold)[keyof typeof Hold];

/** Whether a socket is read: as long as no reason holds it. */
export class ReadGate {
  readonly #engine: Pick<Engine, "pause" | "resume">;
  #reasons = 0;
  #isOver = false;

  constructor(engine: Pick<Engine, "pause" | "resume">) {
    this.#engine = engine;
  }

  get isHeld(): boolean {
    return this.#reasons !== 0;
  }

  set(reason: Reason, isHeld: boolean): void {
    if (this.#isOver) return;
    this.#reasons = isHeld ? this.#reasons | reason : this.#reasons & ~reason;
    if (this.#reasons === 0) this.#engine.resume();
    else this.#engine.pause();
  }

  /** From now on everything is read: only the peer's close frame is waited for. */
  end(): void {
    this.#isOver = true;
    this.#reasons = 0;
    this.#engine.resume();
  }
}
