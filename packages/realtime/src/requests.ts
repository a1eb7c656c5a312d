import { FairMap } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import { promiseOf, type Timer } from "@upwire/core/adapter";
import type { ClientFrame } from "@upwire/protocol";
import type { AppCalls } from "./app-calls.ts";
import { encoded, errorOf, toldError } from "./frames.ts";
import type { RequestEntry } from "./handlers.ts";
import { scopedKey } from "./keys.ts";
import type { RealtimeLimits } from "./limits.ts";
import type { Remembered } from "./remembered.ts";
import { knownReply, RUNNING, UNKNOWN, type Ended, type KnownReply, type RepliesElsewhere } from "./replies-elsewhere.ts";
import { Request, Run } from "./run.ts";
import type { Task } from "./task.ts";
import type { Users } from "./users.ts";
import { validated, validatedAsOurs } from "./validate.ts";

interface Setup<User> {
  readonly users: Users<User>;
  readonly entries: ReadonlyMap<string, RequestEntry>;
  readonly calls: AppCalls;
  readonly clock: Clock;
  readonly limits: RealtimeLimits;
  readonly remembered: Remembered;
  /** Where there are other nodes. */
  readonly elsewhere: RepliesElsewhere | undefined;
}

type RequestFrame = Extract<ClientFrame, { readonly kind: "request" }>;

/** Under what a request with a key is known. */
interface Keyed {
  readonly name: string;
  readonly owner: string;
}

interface Running<User> {
  readonly run: Run<User>;
  readonly timer: Timer;
}

const TOO_MANY = "too many requests with a key are running";

const nothing = (): void => {};

/** Runs the functions of requests, each key of a user once. */
export class Requests<User> {
  readonly #setup: Setup<User>;
  /** Async runs with a key that have not settled. */
  readonly #running = new FairMap<Running<User>>();
  readonly #whenSettled: (() => void)[] = [];

  constructor(setup: Setup<User>) {
    this.#setup = setup;
  }

  start(task: Task<User>, { type, payload, key }: RequestFrame): void {
    const { entries, calls } = this.#setup;
    const entry = entries.get(type);
    if (entry === undefined) return task.fail(errorOf("unknown_type"));
    // What is repeated has its reply, whatever its payload is now.
    if (this.#isKnown(task, key)) return;
    // It may be cancelled while its payload is looked at.
    task.onLeave = nothing;
    calls.run(() => validated(entry.payload, payload), { done: (value) => this.#begin(task, entry, value, key), failed: (error) => task.fail(error) });
  }

  /** Fulfils when each run with a key has ended, and its reply is remembered; after `requestTimeoutMs` in any case. */
  async settled(): Promise<void> {
    if (this.#running.size === 0) return;
    const { clock, limits } = this.#setup;
    await new Promise<void>((resolve) => {
      const timer = clock.after(limits.requestTimeoutMs, resolve);
      this.#whenSettled.push(() => {
        timer.cancel();
        resolve();
      });
    });
  }

  /** Forgets what runs, with its timers. */
  stop(): void {
    for (const [, { run, timer }] of this.#running.entries()) {
      timer.cancel();
      run.giveUp();
    }
    this.#running.clear();
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.#running.size === 0) for (const tell of this.#whenSettled.splice(0)) tell();
  }

  /** @throws what `userId` of the application throws. */
  #keyed(task: Task<User>, key: string): Keyed {
    const { key: scoped, owner } = scopedKey(this.#setup.users.identify(task.session), key);
    return { name: `${task.what.type}\n${scoped}`, owner };
  }

  /** @returns whether it is answered already, or will be with the one that runs. */
  #isKnown(task: Task<User>, key: string | undefined): boolean {
    if (key === undefined) return false;
    let name: string;
    try {
      ({ name } = this.#keyed(task, key));
    } catch (error) {
      task.fail(error);
      return true;
    }
    const reply = this.#setup.remembered.get(name);
    if (reply !== undefined) {
      task.reply(reply.payload);
      return true;
    }
    const running = this.#running.get(name)?.run;
    running?.join(task);
    running?.setDeadline(task);
    return running !== undefined;
  }

  #begin(task: Task<User>, entry: RequestEntry, payload: unknown, key: string | undefined): void {
    // Another one with the same key may have come while the payload was looked at.
    if (task.isOver || this.#isKnown(task, key)) return;
    const { clock, limits } = this.#setup;
    const keyed = key === undefined ? undefined : this.#keyed(task, key);
    if (keyed !== undefined && !this.#makeRoom(keyed.owner)) return task.fail(errorOf("unavailable", TOO_MANY));
    const run = new Run<User>(new Request(payload, task, key), clock, limits.requestTimeoutMs);
    run.join(task);
    const elsewhere = keyed === undefined ? undefined : this.#setup.elsewhere?.find(keyed.name);
    if (keyed === undefined || elsewhere === undefined) return this.#call(run, entry, keyed, task);
    run.isAsking = true;
    run.setDeadline(task);
    this.#keep(keyed, run);
    void elsewhere.then((ended) => {
      run.isAsking = false;
      if (ended !== undefined) this.#endedElsewhere(run, keyed, ended);
      else if (Request.isAborted(run.request)) this.#giveUp(keyed.name, run);
      else this.#call(run, entry, keyed, task);
    });
  }

  #endedElsewhere(run: Run<User>, keyed: Keyed, ended: Ended): void {
    this.#drop(keyed.name, run);
    if ("error" in ended) return run.fail(ended.error);
    this.#setup.remembered.add({ ...keyed, payload: ended.reply });
    run.reply(ended.reply);
  }

  /** What another node is told of a key when it gets a request with it. */
  known(name: string, from: string): KnownReply {
    const reply = this.#setup.remembered.get(name);
    if (reply !== undefined) return knownReply({ reply: reply.payload });
    const running = this.#running.get(name)?.run;
    if (running === undefined) return UNKNOWN;
    return running.isAsking && this.#setup.elsewhere?.goesFirst(from) === true ? UNKNOWN : RUNNING;
  }

  /** The same, when what runs here has ended. */
  async ended(name: string): Promise<KnownReply> {
    const reply = this.#setup.remembered.get(name);
    if (reply !== undefined) return knownReply({ reply: reply.payload });
    const running = this.#running.get(name)?.run;
    return running === undefined ? UNKNOWN : new Promise((resolve) => running.onEnd((ended) => resolve(knownReply(ended))));
  }

  /** Of too many that run, the oldest of an owner who has the most is given up. @returns `false` when that is this owner itself. */
  #makeRoom(owner: string): boolean {
    if (this.#running.size < this.#setup.limits.rememberedReplies) return true;
    if (this.#running.hasMost(owner)) return false;
    const [, { run, timer }] = this.#running.evict() as readonly [string, Running<User>];
    const error = errorOf("unavailable", TOO_MANY);
    timer.cancel();
    Request.abort(run.request, error);
    run.fail(error);
    return true;
  }

  #call(run: Run<User>, entry: RequestEntry, keyed: Keyed | undefined, task: Task<User>): void {
    let returned: unknown;
    let later: Promise<unknown> | undefined;
    try {
      returned = entry.run(run.request as Request<never>);
      later = promiseOf(returned);
    } catch (error) {
      return this.#failed(run, keyed, error);
    }
    if (later === undefined) return this.#replied(run, entry, keyed, returned);
    run.setDeadline(task);
    if (keyed !== undefined && this.#running.get(keyed.name)?.run !== run) this.#keep(keyed, run);
    later.then(
      (value) => this.#replied(run, entry, keyed, value),
      (error: unknown) => this.#failed(run, keyed, error),
    );
  }

  /** One that never settles is given up when its key would be forgotten. */
  #keep({ name, owner }: Keyed, run: Run<User>): void {
    const { clock, limits } = this.#setup;
    const timer = clock.after(limits.retryWindowMs, () => this.#giveUp(name, run));
    this.#running.set(name, { run, timer }, { owner, weight: 1 / limits.rememberedReplies });
  }

  /** Other nodes that wait for its reply would wait for ever. */
  #giveUp(name: string, run: Run<User>): void {
    this.#drop(name, run);
    run.giveUp();
  }

  #drop(name: string, run: Run<User>): void {
    const running = this.#running.get(name);
    if (running?.run !== run) return;
    running.timer.cancel();
    this.#running.delete(name);
    this.#tellSettled();
  }

  #replied(run: Run<User>, entry: RequestEntry, keyed: Keyed | undefined, value: unknown): void {
    const wrong = (error: unknown): void => this.#failed(run, keyed, error);
    this.#setup.calls.run(() => validatedAsOurs("reply", entry.reply, value), {
      done: (output) => {
        let payload;
        try {
          payload = encoded(output);
        } catch (error) {
          return wrong(error);
        }
        if (keyed !== undefined) {
          this.#drop(keyed.name, run);
          this.#setup.remembered.add({ ...keyed, payload });
        }
        run.reply(payload);
      },
      failed: wrong,
    });
  }

  #failed(run: Run<User>, keyed: Keyed | undefined, thrown: unknown): void {
    const { error, isFault } = toldError(thrown);
    // What an aborted function ends with is what it was told.
    if (isFault && !Request.isAborted(run.request)) run.request.connection.report(thrown);
    // An error is not remembered: the next one with this key runs anew.
    if (keyed !== undefined) this.#drop(keyed.name, run);
    run.fail(error);
  }
}
