import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { OwnPublish } from "./own-publish.ts";

/** How many whose answer is overdue are remembered. */
const MOST_OVERDUE = 1000;

export interface PendingPublishesSetup {
  readonly clock: Clock;
  readonly timeoutMs: number;
  /** The broker has not answered in time. MUST call `settle`. */
  readonly overdue: (own: OwnPublish) => void;
}

/** The publishes of this node that the broker has not answered. All have the same time, so that one timer serves them. */
export class PendingPublishes {
  readonly #setup: PendingPublishesSetup;
  /** The oldest first. */
  readonly #all = new Set<OwnPublish>();
  readonly #byOrigin = new Map<string, OwnPublish>();
  /** By origin. */
  readonly #overdue = new Map<string, OwnPublish>();
  #timer: Timer | undefined;

  constructor(setup: PendingPublishesSetup) {
    this.#setup = setup;
  }

  add(own: OwnPublish): void {
    const { clock, timeoutMs } = this.#setup;
    own.endMs = clock.now() + timeoutMs;
    this.#all.add(own);
    if (own.origin !== undefined) this.#byOrigin.set(own.origin, own);
    this.#timer ??= clock.after(timeoutMs, this.#expire);
  }

  /** The one that the broker gives back with this `origin`; also one that is overdue. */
  find(origin: string): OwnPublish | undefined {
    return this.#byOrigin.get(origin) ?? this.#overdue.get(origin);
  }

  /** @returns whether it was waited for. */
  settle(own: OwnPublish): boolean {
    if (own.origin !== undefined) this.#byOrigin.delete(own.origin);
    return this.#all.delete(own);
  }

  /** It is not waited for, but it may still have taken effect. */
  rememberOverdue(own: OwnPublish): void {
    if (own.origin === undefined) return;
    this.#overdue.set(own.origin, own);
    if (this.#overdue.size <= MOST_OVERDUE) return;
    for (const oldest of this.#overdue.keys()) {
      this.#overdue.delete(oldest);
      return;
    }
  }

  /** All that are waited for; none of them gets overdue any more. */
  stop(): OwnPublish[] {
    this.#timer?.cancel();
    this.#timer = undefined;
    return [...this.#all];
  }

  readonly #expire = (): void => {
    const { clock, overdue } = this.#setup;
    this.#timer = undefined;
    const now = clock.now();
    for (const own of this.#all) {
      if (own.endMs > now) {
        this.#timer = clock.after(own.endMs - now, this.#expire);
        return;
      }
      overdue(own);
    }
  };
}
