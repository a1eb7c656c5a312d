import type { Clock, Connection } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import { RealtimeError } from "@upwire/protocol";
import type { RequestCall } from "./calls.ts";
import type { Encoded } from "./frames.ts";
import type { Ended } from "./replies-elsewhere.ts";
import type { Task } from "./task.ts";

/** What the function of a request gets. `signal` is made when it is asked for: most functions do not. */
export class Request<User> implements RequestCall<unknown, User> {
  readonly payload: unknown;
  readonly connection: Connection<User>;
  readonly user: User;
  readonly key: string | undefined;
  #controller: AbortController | undefined;
  #reason: RealtimeError | undefined;

  constructor(payload: unknown, { session }: Task<User>, key: string | undefined) {
    this.payload = payload;
    this.connection = session.connection;
    this.user = session.user;
    this.key = key;
  }

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#reason !== undefined) this.#controller.abort(this.#reason);
    return this.#controller.signal;
  }

  /** A listener of the application that throws ends the process by Node's own rule, as one of any `AbortSignal` does. */
  static abort<User>(request: Request<User>, reason: RealtimeError): void {
    request.#reason ??= reason;
    request.#controller?.abort(reason);
  }

  static isAborted<User>(request: Request<User>): boolean {
    return request.#reason !== undefined;
  }
}

/** One run of the function of a request, and all who wait for it: the one who asked, and each who asked again with the same key. */
export class Run<User> {
  readonly request: Request<User>;
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #waiting = new Map<Task<User>, Timer | undefined>();
  readonly #ended: ((ended: Ended) => void)[] = [];
  /** Other nodes are asked whether they know its key. */
  isAsking = false;

  constructor(request: Request<User>, clock: Clock, timeoutMs: number) {
    this.request = request;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Its answer comes in this turn or in none, if it is not put under a deadline. */
  join(task: Task<User>): void {
    this.#waiting.set(task, undefined);
    task.onLeave = (reason) => this.#leave(task, reason);
  }

  /** From now on `task` is answered `timeout` when it has waited too long. */
  setDeadline(task: Task<User>): void {
    if (this.#waiting.get(task) !== undefined || !this.#waiting.has(task)) return;
    const late = (): void => {
      const error = new RealtimeError("timeout", `it took longer than ${this.#timeoutMs} ms`);
      task.fail(error);
      this.#leave(task, error);
    };
    this.#waiting.set(task, this.#clock.after(this.#timeoutMs, late));
  }

  /** Calls `tell` once when it has ended, or is given up. */
  onEnd(tell: (ended: Ended) => void): void {
    this.#ended.push(tell);
  }

  /** Its end is not waited for any more, but by each task until its own deadline. */
  giveUp(): void {
    const error = new RealtimeError("timeout", "it has not ended in time");
    for (const tell of this.#ended.splice(0)) tell({ error });
  }

  reply(payload: Encoded): void {
    this.#end({ reply: payload }, (task) => task.reply(payload));
  }

  fail(error: RealtimeError): void {
    this.#end({ error }, (task) => task.fail(error));
  }

  #end(ended: Ended, tell: (task: Task<User>) => void): void {
    for (const tellOther of this.#ended.splice(0)) tellOther(ended);
    for (const [task, timer] of this.#waiting) {
      timer?.cancel();
      task.onLeave = undefined;
      tell(task);
    }
    this.#waiting.clear();
  }

  /** When it was the last who waits, the work is of no use; but for a key, the client may come back and ask again. */
  #leave(task: Task<User>, reason: RealtimeError): void {
    const mayComeBack = this.request.key !== undefined && reason.code === "connection_lost";
    if (mayComeBack) return;
    this.#waiting.get(task)?.cancel();
    this.#waiting.delete(task);
    if (this.#waiting.size === 0) Request.abort(this.request, reason);
  }
}
