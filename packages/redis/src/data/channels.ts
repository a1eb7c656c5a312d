import type { RedisDriver } from "../driver/driver.ts";

/**
 * The channels that this node listens to. All that are asked for in one turn of the event loop are one command; what is asked for and
 * given up within a turn, or the other way round, is none.
 */
export class Channels {
  readonly #driver: RedisDriver;
  /** Fulfilled when the server has acknowledged it. */
  readonly #listening = new Map<string, Promise<void>>();
  #adding = new Map<string, PromiseWithResolvers>();
  #dropping = new Set<string>();
  #dropped: PromiseWithResolvers | undefined;
  #isScheduled = false;

  constructor(driver: RedisDriver) {
    this.#driver = driver;
  }

  /** Fulfils when the server has acknowledged it; rejects with the driver's error when it refuses. Again for the same one does nothing. */
  add(channel: string): Promise<void> {
    const known = this.#listening.get(channel);
    if (known !== undefined) {
      this.#dropping.delete(channel);
      return known;
    }
    const added = withResolvers();
    this.#listening.set(channel, added.promise);
    this.#adding.set(channel, added);
    this.#schedule();
    return added.promise;
  }

  /** Fulfils when the server has ended it, or this node is cut off. */
  drop(channel: string): Promise<void> {
    if (!this.#listening.has(channel)) return Promise.resolve();
    this.#dropping.add(channel);
    this.#dropped ??= withResolvers();
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
    this.#dropping = new Set();
    this.#adding = new Map();
    const dropped = this.#dropped?.resolve;
    this.#dropped = undefined;
    for (const channel of dropping) {
      this.#listening.delete(channel);
      adding.get(channel)?.resolve();
    }
    const wanted = [...adding.keys()].filter((channel) => this.#listening.has(channel));
    const unwanted = dropping.filter((channel) => !adding.has(channel));
    if (dropped !== undefined) this.#driver.unsubscribe(unwanted).then(dropped, dropped);
    if (wanted.length === 0) return;
    this.#driver.subscribe(wanted).then(
      () => wanted.forEach((channel) => adding.get(channel)?.resolve()),
      (error: unknown) => {
        for (const channel of wanted) {
          const added = adding.get(channel);
          // The next one that asks for it tries again.
          if (this.#listening.get(channel) === added?.promise) this.#listening.delete(channel);
          added?.reject(error);
        }
      },
    );
  }
}

interface PromiseWithResolvers {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

function withResolvers(): PromiseWithResolvers {
  let resolve: () => void = () => {};
  let reject: (error: unknown) => void = () => {};
  const promise = new Promise<void>((onDone, onFailed) => {
    resolve = onDone;
    reject = onFailed;
  });
  // Who asked for it may have stopped waiting.
  promise.catch(() => {});
  return { promise, resolve, reject };
}
