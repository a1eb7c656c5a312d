import type { Clock, Message } from "@upwire/core";
import { watch } from "@upwire/core/adapter";
import { CloseCode, errorCodes, toWireError, type ClientFrame } from "@upwire/protocol";
import type { AppCalls } from "./app-calls.ts";
import type { EventCall, MessageKind, ReceivedMessage } from "./calls.ts";
import { errorOf, sendError, sendPlainError, sendReply, sendReplyError, toldError } from "./frames.ts";
import type { Events } from "./handlers.ts";
import { BAD_FRAME_WINDOW_MS, type RealtimeLimits } from "./limits.ts";
import { readFrame, readPlain } from "./read-frame.ts";
import type { Requests } from "./requests.ts";
import type { Session } from "./session.ts";
import type { Tally } from "./stats.ts";
import type { Desk, Task, What } from "./task.ts";
import type { TopicTraffic } from "./topic-traffic.ts";
import { validated } from "./validate.ts";

interface Setup<User> {
  readonly events: Events;
  readonly requests: Requests<User>;
  readonly traffic: TopicTraffic<User>;
  readonly desk: Desk<User>;
  readonly calls: AppCalls;
  readonly clock: Clock;
  readonly limits: RealtimeLimits;
  readonly tally: Tally;
  readonly onMessage: ((message: ReceivedMessage<User>) => unknown) | undefined;
}

type Fault = Extract<ClientFrame, { readonly kind: "fault" }>;
type Understood = Exclude<ClientFrame, { readonly kind: "fault" | "ignored" }>;

/** upwire's own types, by what they are. */
const ownTypes: Readonly<Partial<Record<MessageKind, string>>> = {
  subscribe: "upwire.subscribe",
  unsubscribe: "upwire.unsubscribe",
  cancel: "upwire.cancel",
  ping: "upwire.ping",
};

/** What comes from clients: each message has one answer, whatever it is. */
export class Receiver<User> {
  readonly #setup: Setup<User>;

  constructor(setup: Setup<User>) {
    this.#setup = setup;
  }

  /** A message of a client that speaks `upwire.v1`. */
  message(session: Session<User>, message: Message): void {
    const frame = readFrame(message);
    if (frame === undefined) return this.#endOfFrames(session, "binary message that is none of upwire.v1");
    if (frame.kind === "fault") return this.#bad(session, frame);
    if (frame.kind !== "ignored") this.#take(session, frame, message.byteLength);
  }

  /** A message of one that does not. */
  plainMessage(session: Session<User>, message: Message): void {
    const frame = readPlain(message);
    if (frame.kind === "fault") return this.#bad(session, frame);
    if (frame.kind === "event") this.#take(session, frame, message.byteLength);
  }

  #take(session: Session<User>, frame: Understood, byteLength: number): void {
    const what = whatOf(frame);
    const { tally, desk, requests, traffic } = this.#setup;
    tally.received(what.kind);
    if (!this.#mayPass(session, what, byteLength)) return;
    if (frame.kind === "ping") return this.#ping(session, what, frame.id);
    if (frame.kind === "cancel") return void session.unanswered?.get(frame.re)?.cancel();
    const task = desk.begin(session, what);
    if (task === undefined) return;
    if (frame.kind === "event") this.#event(task, frame);
    else if (frame.kind === "request") requests.start(task, frame);
    else if (frame.kind === "publish") traffic.publish(task, frame);
    else if (frame.kind === "subscribe") traffic.subscribe(task, frame);
    else traffic.unsubscribe(task, frame);
  }

  /** However much is in flight. */
  #ping(session: Session<User>, what: What, id: number): void {
    if (session.unanswered?.has(id) === true) this.#setup.desk.refuse(session, what, errorOf("duplicate_id"));
    else sendReply(session.connection, id, undefined);
  }

  #event(task: Task<User>, { type, payload }: Extract<ClientFrame, { readonly kind: "event" }>): void {
    const { events, calls } = this.#setup;
    const entry = events.get(type);
    const run = entry?.run;
    if (entry === undefined || run === undefined) return task.fail(errorOf("unknown_type"));
    const { connection, user } = task.session;
    const failed = (error: unknown): void => task.fail(error);
    calls.run(() => validated(entry.payload, payload), {
      done: (value) => {
        const call: EventCall<unknown, User> = { payload: value, connection, user };
        calls.run(() => run(call as EventCall<unknown, never>), { done: () => task.reply(), failed });
      },
      failed,
    });
  }

  /** @returns whether `onMessage` lets it pass; else it is answered. */
  #mayPass(session: Session<User>, what: What, byteLength: number): boolean {
    const { onMessage, desk } = this.#setup;
    if (onMessage === undefined) return true;
    const { connection, user } = session;
    try {
      watch(onMessage({ ...what, connection, user, byteLength }), (fault) => connection.report(fault));
      return true;
    } catch (thrown) {
      const { error, isFault } = toldError(thrown);
      if (isFault) connection.report(thrown);
      desk.refuse(session, what, error);
      return false;
    }
  }

  #bad(session: Session<User>, { code, message, id }: Fault): void {
    const { connection, isPlain } = session;
    const error = toWireError(errorOf(code, `${errorCodes[code].text}: ${message}`));
    this.#setup.tally.failed(code);
    if (isPlain) sendPlainError(connection, error);
    else if (id === undefined) sendError(connection, error);
    else sendReplyError(connection, id, error);
    if (code === "bad_message") this.#countBad(session);
  }

  #countBad(session: Session<User>): void {
    const { clock, limits } = this.#setup;
    const now = clock.now();
    if (session.badFrames === 0 || now - session.badSince >= BAD_FRAME_WINDOW_MS) {
      session.badSince = now;
      session.badFrames = 0;
    }
    session.badFrames++;
    if (session.badFrames >= limits.badFrames) this.#endOfFrames(session, `${limits.badFrames} bad frames`);
  }

  #endOfFrames({ connection }: Session<User>, text: string): void {
    connection.fail({ code: "ERR_BAD_FRAMES", closeCode: CloseCode.badFrames, retry: false, text });
  }
}

function whatOf(frame: Understood): What {
  const { kind } = frame;
  return {
    kind,
    type: "type" in frame ? frame.type : (ownTypes[kind] ?? kind),
    topic: "topic" in frame ? frame.topic : undefined,
    id: "id" in frame ? frame.id : undefined,
  };
}
