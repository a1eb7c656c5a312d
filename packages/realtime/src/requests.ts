import type { Clock } from "@upwire/core";
import { promiseOf, type Timer } from "@upwire/core/adapter";
import type { ClientFrame } from "@upwire/protocol";
import type { AppCalls } from "./app-calls.ts";
import { encoded, errorOf, toldError } from "./frames.ts";
import type { RequestEntry } from "./handlers.ts";
import { scopedKey } from "./keys.ts";
import type { RealtimeLimits } from "./limits.ts";
import type { Remembered } from "./remembered.ts";
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
}

type RequestFrame = Extract<ClientFrame, { readonly kind: "request" }>;

const nothing = (): void => {};

/** Runs the functions of requests, each key of a user once. */
export class Requests<User> {
  readonly #setup: Setup<User>;
  /** Async runs with a key that have not settled. */
  readonly #running = new Map<string, { readonly run: Run<User>; readonly timer: Timer }>();

  readonly #whenSettled: (() => void)[] = [];

  constructor(setup: Setup<User>) {
    this.#setup = setup;
  }

  start(task: Task<User>, { type, payload, key }: RequestFrame): void {
    const { entries, calls } = this.#setup;
    const entry = entries.get(type);
    if (entry === undefined) return task.fail(errorOf("unknown_type"));
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
    for (const { timer } of this.#running.values()) timer.cancel();
    this.#running.clear();
    this.#tellSettled();
  }

  #tellSettled(): void {
    if (this.#running.size === 0) for (const tell of this.#whenSettled.splice(0)) tell();
  }

  #begin(task: Task<User>, entry: RequestEntry, payload: unknown, key: string | undefined): void {
    const { clock, limits, remembered } = this.#setup;
    if (task.isOver) return;
    let name: string | undefined;
    try {
      if (key !== undefined) name = `${task.what.type}\n${scopedKey(this.#setup.users.identify(task.session), key)}`;
    } catch (error) {
      return task.fail(error);
    }
    if (name !== undefined) {
      const known = remembered.get(name);
      if (known !== undefined) return task.reply(known.payload);
      const running = this.#running.get(name)?.run;
      running?.join(task);
      if (running !== undefined) return running.setDeadline(task);
      if (this.#running.size >= limits.rememberedReplies) return task.fail(errorOf("unavailable", "too many requests with a key are running"));
    }
    const run = new Run<User>(new Request(payload, task, key), clock, limits.requestTimeoutMs);
    run.join(task);
    this.#call(run, entry, name, task);
  }

  #call(run: Run<User>, entry: RequestEntry, name: string | undefined, task: Task<User>): void {
    let returned: unknown;
    let later: Promise<unknown> | undefined;
    try {
      returned = entry.run(run.request as Request<never>);
      later = promiseOf(returned);
    } catch (error) {
      return this.#failed(run, name, error);
    }
    if (later === undefined) return this.#replied(run, entry, name, returned);
    run.setDeadline(task);
    if (name !== undefined) this.#keep(name, run);
    later.then(
      (value) => this.#replied(run, entry, name, value),
      (error: unknown) => this.#failed(run, name, error),
    );
  }

  /** One that never settles is given up when its key would be forgotten. */
  #keep(name: string, run: Run<User>): void {
    const { clock, limits } = this.#setup;
    this.#running.set(name, { run, timer: clock.after(limits.retryWindowMs, () => this.#drop(name, run)) });
  }

  #drop(name: string, run: Run<User>): void {
    const running = this.#running.get(name);
    if (running?.run !== run) return;
    running.timer.cancel();
    this.#running.delete(name);
    this.#tellSettled();
  }

  #replied(run: Run<User>, entry: RequestEntry, name: string | undefined, value: unknown): void {
    const wrong = (error: unknown): void => this.#failed(run, name, error);
    this.#setup.calls.run(() => validatedAsOurs("reply", entry.reply, value), {
      done: (output) => {
        let payload;
        try {
          payload = encoded(output);
        } catch (error) {
          return wrong(error);
        }
        if (name !== undefined) {
          this.#drop(name, run);
          this.#setup.remembered.add(name, payload);
        }
        run.reply(payload);
      },
      failed: wrong,
    });
  }

  #failed(run: Run<User>, name: string | undefined, thrown: unknown): void {
    const { error, isFault } = toldError(thrown);
    // What an aborted function ends with is what it was told.
    if (isFault && !Request.isAborted(run.request)) run.request.connection.report(thrown);
    // An error is not remembered: the next one with this key runs anew.
    if (name !== undefined) this.#drop(name, run);
    run.fail(error);
  }
}
