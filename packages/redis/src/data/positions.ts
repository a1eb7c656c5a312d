import { setImmediate } from "node:timers/promises";
import { RedisUnavailableError, type RedisDriver } from "../driver/driver.ts";
import { readLooks, type HistoryCalls, type LookAnswer } from "./calls.ts";
import type { DataContext } from "./context.ts";
import { inGroups } from "../in-groups.ts";
import { failed, odd } from "./failures.ts";
import type { Subscription } from "./subscription.ts";
import type { Turn } from "./turn.ts";

/** Topics of one call, which holds up the server for a millisecond or two. */
const TOPICS_OF_A_CALL = 200;
/** Topics of one round trip. Between two of them other calls of this node get their turn. */
const TOPICS_OF_A_TRIP = 2000;

/** Those whose positions could not be told, and why. */
type Failures = ReadonlyMap<Subscription, Error>;

/** Those that wait for the same acknowledgement. */
interface Next {
  readonly turn: Turn;
  readonly subscriptions: Subscription[];
  readonly failures: Promise<Failures>;
}

type Answer = Awaited<ReturnType<RedisDriver["many"]>>[number];

/** Asks the engine for the positions of topics with history, many topics with one call. */
export class Positions {
  readonly #context: DataContext;
  readonly #calls: HistoryCalls;
  readonly #known: (subscription: Subscription, answer: LookAnswer) => void;
  #next: Next | undefined;
  #soon: Subscription[] = [];
  #asked: Promise<Failures> | undefined;

  /** @param known Gets each position. */
  constructor(context: DataContext, calls: HistoryCalls, known: (subscription: Subscription, answer: LookAnswer) => void) {
    this.#context = context;
    this.#calls = calls;
    this.#known = known;
  }

  /** Once the channel is subscribed. Those of one turn get the same promise. Rejects when their channels will not be subscribed now. */
  askAfter(turn: Turn, subscription: Subscription): Promise<Failures> {
    if (this.#next?.turn !== turn) {
      const subscriptions: Subscription[] = [];
      this.#next = { turn, subscriptions, failures: this.#askWhenSettled(turn, subscriptions) };
    }
    this.#next.subscriptions.push(subscription);
    return this.#next.failures;
  }

  /** All that are asked for in one turn go together. Never rejects. */
  askSoon(subscriptions: readonly Subscription[]): Promise<Failures> {
    for (const subscription of subscriptions) this.#soon.push(subscription);
    this.#asked ??= this.#askSoon();
    return this.#asked;
  }

  /** Never rejects: of what fails, the next audit asks again. */
  async ask(subscriptions: readonly Subscription[]): Promise<Failures> {
    const failures = new Map<Subscription, Error>();
    for (const trip of inGroups(subscriptions, TOPICS_OF_A_TRIP)) await this.#trip(trip, failures);
    return failures;
  }

  async #askWhenSettled(turn: Turn, subscriptions: readonly Subscription[]): Promise<Failures> {
    await turn.settled;
    if (this.#next?.turn === turn) this.#next = undefined;
    if (!turn.isAcknowledged) throw failed("subscribe", new Error("not connected"));
    return this.askSoon(subscriptions);
  }

  async #askSoon(): Promise<Failures> {
    await setImmediate();
    const soon = this.#soon;
    this.#soon = [];
    this.#asked = undefined;
    return this.ask(soon);
  }

  async #trip(subscriptions: readonly Subscription[], failures: Map<Subscription, Error>): Promise<void> {
    const { driver, clock } = this.#context;
    const now = clock.now();
    for (const subscription of subscriptions) subscription.askedAt = now;
    // Where channels live in slots, keys do: a call cannot name two topics.
    const groups = inGroups(subscriptions, driver.sharded ? 1 : TOPICS_OF_A_CALL);
    const replies = await driver.many(groups.map((group) => this.#calls.look(group)));
    for (const [number, group] of groups.entries()) {
      const answers = answersOf(replies[number], group.length);
      for (const [at, subscription] of group.entries()) {
        const answer = answers[at];
        if (answer === undefined) continue;
        subscription.isDoubtful = answer instanceof Error;
        if (answer instanceof Error) failures.set(subscription, answer);
        else this.#known(subscription, answer);
      }
    }
  }
}

/** One for each of `count` topics, whatever the call came to. */
function answersOf(reply: Answer = new RedisUnavailableError("no answer", { maybeDone: true }), count: number): readonly (LookAnswer | Error)[] {
  if (reply instanceof Error) return Array<Error>(count).fill(reply);
  try {
    return readLooks(reply, count);
  } catch (error) {
    return Array<Error>(count).fill(odd(error));
  }
}
