import type { Clock } from "@upwire/core";
import type { RedisDriver } from "../driver/driver.ts";
import { Turn } from "./turn.ts";
import { withResolvers, type Resolvers } from "./with-resolvers.ts";

/**
 * The channels that this node listens to. All that are asked for in one turn of the event loop are one command; what is asked for and
 * given up within a turn, or the other way round, is none.
 */
export class Channels {
  readonly #driver: RedisDriver;
  readonly #clock: Clock;
  /** Those whose channels the server has not acknowledged yet. */
  readonly #asked = new Set<Turn>();
  #adding = new Set<string>();
  #turn: Turn | undefined;
  /** With the turn that asked for each. */
  #dropping = new Map<string, Turn>();
  #dropped: Resolvers<void> | undefined;
  #isScheduled = false;

  constructor(driver: RedisDriver, clock: Clock) {
    this.#driver = driver;
    this.#clock = clock;
  }

  /** To be called for a channel that is not listened to. @returns the turn that it belongs to: an older one when it was given up in this one. */
  add(channel: string): Turn {
    const older = this.#dropping.get(channel);
    if (older !== undefined) {
      this.#dropping.delete(channel);
      return older;
    }
    this.#adding.add(channel);
    if (this.#turn === undefined) {
      this.#turn = new Turn();
      this.#asked.add(this.#turn);
      this.#schedule();
    }
    return this.#turn;
  }

  /** Fulfils when the server has ended it, or this node is cut off. */
  drop(channel: string, turn: Turn): Promise<void> {
    if (this.#adding.delete(channel) || turn.isRefused) return Promise.resolve();
    this.#dropping.set(channel, turn);
    this.#dropped ??= withResolvers();
    this.#schedule();
    return this.#dropped.promise;
  }

  /** No answer will come now. */
  down(): void {
    for (const turn of this.#asked) turn.isAway(this.#clock.now());
  }

  close(): void {
    for (const turn of this.#asked) this.#refuse(turn, new Error("this broker has been closed"));
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const adding = [...this.#adding];
    const dropping = [...this.#dropping.keys()];
    const turn = this.#turn;
    const dropped = this.#dropped?.resolve;
    this.#adding = new Set();
    this.#dropping = new Map();
    this.#turn = undefined;
    this.#dropped = undefined;
    if (dropped !== undefined) this.#driver.unsubscribe(dropping).then(dropped, dropped);
    if (turn === undefined) return;
    const asked = adding.length === 0 ? Promise.resolve() : this.#driver.subscribe(adding);
    asked.then(
      () => this.#acknowledge(turn),
      (error: unknown) => this.#refuse(turn, error),
    );
  }

  #acknowledge(turn: Turn): void {
    if (this.#asked.delete(turn)) turn.acknowledge(this.#clock.now());
  }

  #refuse(turn: Turn, error: unknown): void {
    if (this.#asked.delete(turn)) turn.refuse(error);
  }
}
