import type { RedisDriver } from "../driver/driver.ts";
import { withResolvers, type Resolvers } from "./with-resolvers.ts";

/**
 * The channels that this node listens to. All that are asked for in one turn of the event loop are one command; what is asked for and
 * given up within a turn, or the other way round, is none.
 */
export class Channels {
  readonly #driver: RedisDriver;
  /** Fulfilled when the server has acknowledged it, and all that were asked for in the same turn. */
  readonly #listening = new Map<string, Promise<void>>();
  #adding: string[] = [];
  #added: Resolvers<void> | undefined;
  #dropping = new Set<string>();
  #dropped: Resolvers<void> | undefined;
  #isScheduled = false;

  constructor(driver: RedisDriver) {
    this.#driver = driver;
  }

  /**
   * Fulfils when the server has acknowledged it; rejects with the driver's error when it refuses. All of one turn get the same promise.
   * Again for the same one does nothing.
   */
  add(channel: string): Promise<void> {
    const known = this.#listening.get(channel);
    if (known !== undefined) {
      this.#dropping.delete(channel);
      return known;
    }
    this.#added ??= settling();
    this.#listening.set(channel, this.#added.promise);
    this.#adding.push(channel);
    this.#schedule();
    return this.#added.promise;
  }

  /** Fulfils when the server has ended it, or this node is cut off. */
  drop(channel: string): Promise<void> {
    if (!this.#listening.has(channel)) return Promise.resolve();
    this.#dropping.add(channel);
    this.#dropped ??= settling();
    this.#schedule();
    return this.#dropped.promise;
  }

  #schedule(): void {
    if (this.#isScheduled) return;
    this.#isScheduled = true;
    setImmediate(() => this.#flush());
  }

  #flush(): void {
    this.#isScheduled = false;
    const dropping = [...this.#dropping];
    const adding = this.#adding;
    const added = this.#added;
    const dropped = this.#dropped?.resolve;
    this.#dropping = new Set();
    this.#adding = [];
    this.#added = undefined;
    this.#dropped = undefined;
    const unwanted = dropping.filter((channel) => this.#listening.get(channel) !== added?.promise);
    for (const channel of dropping) this.#listening.delete(channel);
    const wanted = dropping.length === 0 ? adding : adding.filter((channel) => this.#listening.has(channel));
    if (dropped !== undefined) this.#driver.unsubscribe(unwanted).then(dropped, dropped);
    if (added === undefined) return;
    if (wanted.length === 0) return added.resolve();
    this.#driver.subscribe(wanted).then(added.resolve, (error: unknown) => {
      // The next one that asks for it tries again.
      for (const channel of wanted) if (this.#listening.get(channel) === added.promise) this.#listening.delete(channel);
      added.reject(error);
    });
  }
}

function settling(): Resolvers<void> {
  const resolvers = withResolvers<void>();
  // Who asked for it may have stopped waiting.
  resolvers.promise.catch(() => {});
  return resolvers;
}
