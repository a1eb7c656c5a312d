import type { Clock } from "@upwire/core";
import { watch } from "@upwire/core/adapter";
import { toWireError, type RealtimeError } from "@upwire/protocol";
import type { AnsweredMessage, MessageKind } from "./calls.ts";
import { errorOf, sendError, sendPlainError, sendReply, sendReplyError, toldError, type Encoded } from "./frames.ts";
import type { Session, Unanswered } from "./session.ts";
import type { Tally } from "./stats.ts";

/** What is told of a message of a client. */
export interface What {
  readonly kind: MessageKind;
  readonly type: string;
  readonly topic: string | undefined;
  readonly id: number | undefined;
}

interface Shared<User> {
  readonly clock: Clock;
  readonly tally: Tally;
  readonly maxInFlight: number;
  readonly onAnswer: ((answer: AnsweredMessage<User>) => void) | undefined;
}

/** Where every message of a client that is to be answered is held until it is. */
export class Desk<User> {
  readonly #shared: Shared<User>;

  constructor(shared: Shared<User>) {
    this.#shared = shared;
  }

  /** @returns `undefined` for what may not run: it is answered already. */
  begin(session: Session<User>, what: What): Task<User> | undefined {
    const { id } = what;
    // Its answer cannot be told from that of the other one; the other one is answered all the same.
    const isDuplicate = id !== undefined && session.unanswered?.has(id) === true;
    if (isDuplicate || session.running >= this.#shared.maxInFlight) {
      this.refuse(session, what, errorOf(isDuplicate ? "duplicate_id" : "too_many"));
      return undefined;
    }
    const task = new Task(session, what, this.#shared);
    session.running++;
    this.#shared.tally.inFlight++;
    if (id !== undefined) (session.unanswered ??= new Map()).set(id, task);
    return task;
  }

  /** Answers what does not begin at all. */
  refuse(session: Session<User>, { kind, id }: Pick<What, "kind" | "id">, error: RealtimeError): void {
    this.#shared.tally.failed(error.code);
    tell(session, kind, id, error);
  }

  /** The connection is over. */
  leave(session: Session<User>): void {
    const { unanswered } = session;
    session.unanswered = undefined;
    if (unanswered === undefined) return;
    const reason = errorOf("connection_lost", "the connection is over");
    for (const task of unanswered.values()) task.leave(reason);
  }
}

function tell<User>(session: Session<User>, kind: MessageKind, id: number | undefined, error: RealtimeError): void {
  const { connection } = session;
  const wire = toWireError(error);
  if (session.isPlain) sendPlainError(connection, wire);
  else if (id === undefined || kind === "event") sendError(connection, wire);
  else sendReplyError(connection, id, wire);
}

/** One message of a client, from its first look to its answer. It is answered once; what comes later is nothing. */
export class Task<User> implements Unanswered {
  readonly session: Session<User>;
  readonly what: What;
  /** Called once when the client cancels, or the connection is over before the answer. Set by what can be cancelled. */
  onLeave: ((reason: RealtimeError) => void) | undefined;
  isOver = false;
  readonly #shared: Shared<User>;
  readonly #beganAt: number;
  /** For who waits for its end. */
  #over: { readonly promise: Promise<void>; readonly resolve: () => void } | undefined;

  constructor(session: Session<User>, what: What, shared: Shared<User>) {
    this.session = session;
    this.what = what;
    this.#shared = shared;
    this.#beganAt = shared.clock.now();
  }

  get over(): Promise<void> {
    if (this.isOver) return Promise.resolve();
    if (this.#over === undefined) {
      let resolve = (): void => {};
      const promise = new Promise<void>((settle) => (resolve = settle));
      this.#over = { promise, resolve };
    }
    return this.#over.promise;
  }

  /** What an answer holds; of an event nothing is sent. */
  reply(payload?: Encoded): void {
    if (!this.#end()) return;
    const { id, kind } = this.what;
    if (id !== undefined && kind !== "event") sendReply(this.session.connection, id, payload);
    this.#told(undefined);
  }

  /** Tells the client; and `onError`, when that is no error meant for a client. */
  fail(thrown: unknown): void {
    const { error, isFault } = toldError(thrown);
    if (isFault) this.session.connection.report(thrown);
    if (!this.#end()) return;
    this.#shared.tally.failed(error.code);
    tell(this.session, this.what.kind, this.what.id, error);
    this.#told(error);
  }

  cancel(): boolean {
    const { onLeave } = this;
    if (onLeave === undefined) return false;
    const reason = errorOf("cancelled");
    this.fail(reason);
    onLeave(reason);
    return true;
  }

  leave(reason: RealtimeError): void {
    if (!this.#end()) return;
    this.onLeave?.(reason);
    this.#told(reason);
  }

  #end(): boolean {
    if (this.isOver) return false;
    this.isOver = true;
    const { session, what } = this;
    session.running--;
    this.#shared.tally.inFlight--;
    if (what.id !== undefined) session.unanswered?.delete(what.id);
    if (session.unanswered?.size === 0) session.unanswered = undefined;
    this.#over?.resolve();
    return true;
  }

  #told(error: RealtimeError | undefined): void {
    const { onAnswer, clock } = this.#shared;
    if (onAnswer === undefined) return;
    const { connection, user } = this.session;
    const { kind, type, topic } = this.what;
    const durationMs = clock.now() - this.#beganAt;
    try {
      watch(onAnswer({ kind, type, topic, connection, user, durationMs, error }), (fault) => connection.report(fault));
    } catch (fault) {
      connection.report(fault);
    }
  }
}
