import { fromWireError, RealtimeError, type WireError } from "@upwire/protocol";
import type { Clock } from "../link/clock.ts";
import { answerOf } from "./answer.ts";
import { writeFrame, type Frame } from "./frame.ts";

type Settle = (error: unknown, payload?: unknown) => void;
/** Sends a frame over the connection. */
export type Transmit = (frame: Frame) => void;

/** What to do with a message while there is no connection: keep it until there is one, or let it go. */
export type QueuePolicy = "keep" | "drop";

export interface AskOptions {
  /** Gives up: the promise rejects with its reason, and the server is told. */
  readonly signal?: AbortSignal | undefined;
  /** How long the answer may take, the wait for a connection included. Milliseconds. */
  readonly timeoutMs?: number | undefined;
  /** Makes it repeatable: after a cut it is sent again, and the server does it once. `true` makes a key up. */
  readonly key?: true | string | undefined;
  readonly queue?: QueuePolicy | undefined;
}

/** What waits for a connection, or for its answer. While there is a connection everything has been sent, without one nothing. */
interface Entry {
  readonly frame: Frame;
  readonly isRepeatable?: boolean;
  /** The first time. */
  sentAt?: number;
  /** An event has none: it is forgotten when it is sent. */
  readonly settle?: Settle;
}

/** Messages on their way to the server, in the order of the calls. */
export interface Outbox {
  /**
   * There is a connection. What `first` sends goes before what has waited.
   * @param retryWindowMs How long the server knows a key. Milliseconds; what was first sent longer ago is not sent again.
   */
  open(transmit: Transmit, retryWindowMs: number, first: () => void): void;
  /** The connection is gone: what is unanswered is kept to be sent again where it may be, and else rejected. */
  cut(): void;
  /** For good. */
  close(): void;
  /** An event: nothing answers it. @returns whether it was sent or kept */
  post(header: object, payload: unknown, queue?: QueuePolicy): boolean;
  /** A request or a publish. */
  ask<T>(header: object, payload: unknown, options?: AskOptions): Promise<T>;
  /** One of upwire's own messages: dropped without a connection, and forgotten with it. */
  control(header: object, settle?: Settle): void;
  /** `id` is undefined for what is no reply. */
  answered(id: number | undefined, error: WireError | undefined, payload: unknown): void;
}

function madeUpKey(): string {
  return crypto.getRandomValues(new Uint32Array(4)).join("");
}

export function createOutbox(clock: Clock, report: (error: unknown) => void, options: { maxQueue?: number; requestTimeoutMs?: number }): Outbox {
  const { maxQueue = 100, requestTimeoutMs = 30_000 } = options;
  const entries = new Map<number, Entry>();
  /** Belong to one connection. */
  const controls = new Map<number | undefined, Settle | undefined>();
  let transmit: Transmit | undefined;
  let isClosed = false;
  let lastId = 0;

  function refusal(queue: QueuePolicy | undefined): "closed" | "connection_lost" | "queue_full" | undefined {
    if (isClosed) return "closed";
    if (transmit) return undefined;
    if (queue === "drop") return "connection_lost";
    return entries.size < maxQueue ? undefined : "queue_full";
  }

  function add(id: number, entry: Entry): void {
    entries.set(id, entry);
    if (transmit) send(id, entry);
  }

  function send(id: number, entry: Entry): void {
    entry.sentAt ??= clock.now();
    if (!entry.settle) entries.delete(id);
    transmit?.(entry.frame);
  }

  /** What may not be sent again; once it is closed, everything. */
  function rejectAll(): void {
    for (const entry of entries.values()) if (isClosed || !entry.isRepeatable) entry.settle?.(new RealtimeError(isClosed ? "closed" : "connection_lost"));
  }

  return {
    open(connection, retryWindowMs, first) {
      // Taken before functions of the application can add some, which are sent at once.
      const waiting = [...entries];
      transmit = connection;
      first();
      for (const [id, entry] of waiting) {
        // What was not sent yet is not too old.
        if ((entry.sentAt as number) + retryWindowMs < clock.now()) entry.settle?.(new RealtimeError("connection_lost"));
        else send(id, entry);
      }
    },
    cut() {
      // Without a connection nothing was sent.
      if (transmit) rejectAll();
      transmit = undefined;
      controls.clear();
    },
    close() {
      isClosed = true;
      rejectAll();
    },
    post(header, payload, queue) {
      const frame = writeFrame(header, payload);
      const isTaken = !refusal(queue);
      if (isTaken) add(++lastId, { frame });
      return isTaken;
    },
    ask: (header, payload, { signal, timeoutMs = requestTimeoutMs, queue, key } = {}) =>
      answerOf(report, (resolve, reject) => {
        signal?.throwIfAborted();
        const code = refusal(queue);
        if (code) throw new RealtimeError(code);
        const id = ++lastId;
        const frame = writeFrame({ ...header, id, key: key === true ? madeUpKey() : key }, payload);
        const settle: Settle = (error, reply) => {
          entries.delete(id);
          timer.cancel();
          signal?.removeEventListener("abort", onAbort);
          if (error === undefined) resolve(reply as never);
          else reject(error);
        };
        const giveUp = (error: unknown): void => {
          transmit?.(writeFrame({ type: "upwire.cancel", re: id }));
          settle(error);
        };
        const onAbort = (): void => giveUp(signal?.reason);
        const timer = clock.after(timeoutMs, () => giveUp(new RealtimeError("timeout")));
        signal?.addEventListener("abort", onAbort);
        add(id, { frame, isRepeatable: key !== undefined, settle });
      }),
    control(header, settle) {
      if (!transmit) return;
      controls.set(++lastId, settle);
      transmit(writeFrame({ ...header, id: lastId }));
    },
    /** `id` is undefined for what is no reply. */
    answered(id, error, payload) {
      const settle = controls.get(id) ?? entries.get(id as number)?.settle;
      controls.delete(id);
      settle?.(error && fromWireError(error), payload);
    },
  };
}
