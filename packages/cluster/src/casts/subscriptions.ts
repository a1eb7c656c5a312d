import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Broker } from "../broker/broker.ts";

/** The time until the broker is asked once more for what it refused. Milliseconds. */
const RETRY_MS = 250;

interface Subscription {
  /** Whether it has members here. */
  isWanted: boolean;
  /** Whether the broker has said yes. */
  isActive: boolean;
  /** Whether a call of the broker is under way. */
  isBusy: boolean;
  /** When the last member left. */
  leftAt: number;
}

interface SubscriptionsSetup {
  readonly broker: Broker;
  readonly clock: Clock;
  readonly lingerMs: number;
}

/**
 * The addresses that this node is subscribed to: those that have members here, and for a while those that had some, since many come
 * back at once. What the broker refuses is asked for again until it works.
 */
export class Subscriptions {
  readonly #setup: SubscriptionsSetup;
  readonly #all = new Map<string, Subscription>();
  /** Addresses without members that are still subscribed, the one that was left first standing first. */
  readonly #left = new Set<string>();
  /** Addresses for which the broker is to be asked again. */
  readonly #refused = new Set<string>();
  #isStarted = false;
  #lingerTimer: Timer | undefined;
  #retryTimer: Timer | undefined;

  constructor(setup: SubscriptionsSetup) {
    this.#setup = setup;
  }

  get size(): number {
    return this.#all.size;
  }

  /** Whether publications of the address come here. */
  isActive(address: string): boolean {
    return this.#all.get(address)?.isActive === true;
  }

  has(address: string): boolean {
    return this.#all.has(address);
  }

  join(address: string): void {
    const known = this.#all.get(address);
    this.#left.delete(address);
    if (known === undefined) this.#all.set(address, { isWanted: true, isActive: false, isBusy: false, leftAt: 0 });
    else known.isWanted = true;
    this.#adjust(address);
  }

  leave(address: string): void {
    const known = this.#all.get(address);
    if (known === undefined || !known.isWanted) return;
    known.isWanted = false;
    known.leftAt = this.#setup.clock.now();
    this.#left.add(address);
    this.#lingerTimer ??= this.#setup.clock.after(this.#setup.lingerMs, this.#endLinger);
  }

  /** The broker has started: asks for all that was joined before. */
  start(): void {
    this.#isStarted = true;
    for (const address of this.#all.keys()) this.#adjust(address);
  }

  /** The broker works again: asks at once for what it has refused. */
  retry(): void {
    this.#retryTimer?.cancel();
    this.#retryTimer = undefined;
    const refused = [...this.#refused];
    this.#refused.clear();
    for (const address of refused) this.#adjust(address);
  }

  close(): void {
    this.#isStarted = false;
    this.#lingerTimer?.cancel();
    this.#retryTimer?.cancel();
    this.#all.clear();
    this.#left.clear();
    this.#refused.clear();
  }

  /** Asks the broker for what is still to be done about an address, if anything is. */
  #adjust(address: string): void {
    const known = this.#all.get(address);
    if (known === undefined || known.isBusy || !this.#isStarted) return;
    if (known.isWanted && !known.isActive) {
      void this.#call(address, known, () => this.#setup.broker.subscribe(address));
    } else if (!known.isWanted && !this.#left.has(address)) {
      // Also what the broker has refused may have taken effect.
      known.isActive = false;
      void this.#call(address, known, () => this.#setup.broker.unsubscribe(address));
    }
  }

  async #call(address: string, known: Subscription, run: () => Promise<unknown>): Promise<void> {
    const { isWanted } = known;
    known.isBusy = true;
    let isDone = true;
    try {
      await run();
    } catch {
      isDone = false;
    }
    known.isBusy = false;
    if (this.#all.get(address) !== known) return;
    if (!isDone) return this.#retryLater(address);
    known.isActive = isWanted;
    if (!isWanted && !known.isWanted) this.#all.delete(address);
    else this.#adjust(address);
  }

  #retryLater(address: string): void {
    if (!this.#isStarted) return;
    this.#refused.add(address);
    this.#retryTimer ??= this.#setup.clock.after(RETRY_MS, () => this.retry());
  }

  readonly #endLinger = (): void => {
    this.#lingerTimer = undefined;
    const { clock, lingerMs } = this.#setup;
    const now = clock.now();
    for (const address of this.#left) {
      const dueMs = (this.#all.get(address)?.leftAt ?? now) + lingerMs - now;
      if (dueMs > 0) {
        this.#lingerTimer = clock.after(dueMs, this.#endLinger);
        return;
      }
      this.#left.delete(address);
      this.#adjust(address);
    }
  };
}
