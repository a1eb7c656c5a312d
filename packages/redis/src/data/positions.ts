import type { HistoryBounds } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { RedisUnavailableError, type RedisDriver } from "../driver/driver.ts";
import { readLooks, type HistoryCalls, type LookAnswer } from "./calls.ts";
import type { DataContext } from "./context.ts";
import { failed, odd } from "./failures.ts";
import type { Subscription } from "./subscription.ts";

/** Topics of one call, which holds up the server for a millisecond or two. */
const TOPICS_OF_A_CALL = 200;
/** Topics of one round trip. Between two of them other calls of this node get their turn. */
const TOPICS_OF_A_TRIP = 2000;
/** A subscription that has history has bounds. */
const NO_BOUNDS: HistoryBounds = { messages: 0, bytes: 0, ageMs: 1 };

/** A subscribe that waits for the position of its topic. */
export interface Asking {
  readonly subscription: Subscription;
  readonly resolve: (position: Position) => void;
  readonly reject: (error: Error) => void;
}

type Answer = Awaited<ReturnType<RedisDriver["many"]>>[number];

/** Asks the engine for the positions of topics with history, many topics with one call. */
export class Positions {
  readonly #context: DataContext;
  readonly #calls: HistoryCalls;
  readonly #known: (subscription: Subscription, answer: LookAnswer) => void;
  #soon: Asking[] = [];

  /** @param known Gets each position, before any subscribe that waits for it. */
  constructor(context: DataContext, calls: HistoryCalls, known: (subscription: Subscription, answer: LookAnswer) => void) {
    this.#context = context;
    this.#calls = calls;
    this.#known = known;
  }

  /** All that are asked for in one turn go together. */
  askSoon(asking: Asking): void {
    this.#soon.push(asking);
    if (this.#soon.length === 1) setImmediate(() => void this.#askNow());
  }

  /** @returns for each why it failed, if it did: then the next audit asks again. */
  async ask(subscriptions: readonly Subscription[]): Promise<readonly (Error | undefined)[]> {
    const errors: (Error | undefined)[] = [];
    for (const trip of inGroups(subscriptions, TOPICS_OF_A_TRIP)) errors.push(...(await this.#trip(trip)));
    return errors;
  }

  async #askNow(): Promise<void> {
    const all = this.#soon;
    this.#soon = [];
    const errors = await this.ask(all.map(({ subscription }) => subscription));
    for (const [at, { subscription, resolve, reject }] of all.entries()) {
      const error = errors[at];
      if (error === undefined) resolve(subscription.position);
      else reject(failed("subscribe", error));
    }
  }

  async #trip(subscriptions: readonly Subscription[]): Promise<(Error | undefined)[]> {
    const { driver, clock } = this.#context;
    const now = clock.now();
    for (const subscription of subscriptions) subscription.askedAt = now;
    // Where channels live in slots, keys do: a call cannot name two topics.
    const groups = inGroups(subscriptions, driver.sharded ? 1 : TOPICS_OF_A_CALL);
    const calls = groups.map((group) => this.#calls.look(group.map(({ topic, seen, bounds = NO_BOUNDS }) => ({ topic, seen, bounds }))));
    const replies = await driver.many(calls);
    return groups.flatMap((group, at) => this.#take(group, replies[at]));
  }

  #take(group: readonly Subscription[], reply: Answer | undefined): (Error | undefined)[] {
    const answers = answersOf(reply, group.length);
    return group.map((subscription, at) => {
      const answer = answers[at];
      subscription.isDoubtful = answer instanceof Error;
      if (answer instanceof Error) return answer;
      if (answer !== undefined) this.#known(subscription, answer);
      return undefined;
    });
  }
}

/** One answer for each of `count` topics, whatever the call came to. */
function answersOf(reply: Answer = new RedisUnavailableError("no answer", { maybeDone: true }), count: number): readonly (LookAnswer | Error)[] {
  if (reply instanceof Error) return Array<Error>(count).fill(reply);
  try {
    return readLooks(reply, count);
  } catch (error) {
    return Array<Error>(count).fill(odd(error));
  }
}

function inGroups<Item>(items: readonly Item[], size: number): (readonly Item[])[] {
  const groups: (readonly Item[])[] = [];
  for (let from = 0; from < items.length; from += size) groups.push(items.slice(from, from + size));
  return groups;
}
