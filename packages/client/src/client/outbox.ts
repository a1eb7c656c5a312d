import { encodeBinaryFrame, fromWireError, RealtimeError, type WireError } from "@upwire/protocol";
import type { Clock } from "../link/clock.ts";
import { Answer } from "./answer.ts";

export type Frame = string | Uint8Array<ArrayBuffer>;
type Settle = (error: unknown, payload?: unknown) => void;

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

interface Entry {
  readonly frame: Frame;
  readonly isRepeatable: boolean;
  sent: boolean;
  /** An event has none: it is forgotten when it is sent. */
  readonly settle?: Settle;
}

/** A message as it is sent; bytes as its payload make it a binary one. */
export function frameOf(header: object, payload?: unknown): Frame {
  return payload instanceof Uint8Array ? (encodeBinaryFrame(header, payload) as Uint8Array<ArrayBuffer>) : JSON.stringify({ ...header, payload });
}

function madeUpKey(): string {
  return [...crypto.getRandomValues(new Uint32Array(4))].map((part) => part.toString(36)).join("");
}

/** What waits for a connection, and what waits for its answer, in the order of the calls. */
export class Outbox {
  readonly #entries = new Map<number, Entry>();
  /** Of upwire's own messages, which belong to one connection. */
  readonly #controls = new Map<number, Settle>();
  readonly #clock: Clock;
  readonly #report: (error: unknown) => void;
  readonly #maxQueue: number;
  readonly #timeoutMs: number;
  /** Set while there is a connection that takes messages. */
  #transmit: ((frame: Frame) => void) | undefined;
  #lastId = 0;
  #waiting = 0;
  #isClosed = false;

  constructor(setup: { clock: Clock; report: (error: unknown) => void; maxQueue: number; timeoutMs: number }) {
    this.#clock = setup.clock;
    this.#report = setup.report;
    this.#maxQueue = setup.maxQueue;
    this.#timeoutMs = setup.timeoutMs;
  }

  /** From now on messages go out. What waited does so at `flush`, behind what is sent before. */
  connect(transmit: (frame: Frame) => void): void {
    this.#transmit = transmit;
  }

  flush(): void {
    for (const [id, entry] of this.#entries) this.#send(id, entry);
  }

  /** The connection is gone: what was unanswered is sent again if it may be, and else rejected. */
  cut(): void {
    this.#transmit = undefined;
    this.#controls.clear();
    for (const entry of this.#entries.values()) {
      if (!entry.sent) continue;
      entry.sent = !entry.isRepeatable;
      if (entry.isRepeatable) this.#waiting++;
      else entry.settle?.(new RealtimeError("connection_lost"));
    }
  }

  close(): void {
    this.#isClosed = true;
    for (const entry of this.#entries.values()) entry.settle?.(new RealtimeError("closed"));
  }

  /** An event: nothing answers it. @returns whether it was sent or kept */
  post(header: object, payload: unknown, queue: QueuePolicy = "keep"): boolean {
    const frame = frameOf(header, payload);
    if (this.#refusal(queue)) return false;
    this.#add(++this.#lastId, { frame, isRepeatable: false, sent: false });
    return true;
  }

  /** A request or a publish. */
  ask<T>(header: object, payload: unknown, options: AskOptions = {}): Promise<T> {
    const { signal, timeoutMs = this.#timeoutMs, queue } = options;
    return Answer.of(this.#report, (resolve, reject) => {
      signal?.throwIfAborted();
      const refusal = this.#refusal(queue);
      if (refusal) throw new RealtimeError(refusal);
      const id = ++this.#lastId;
      const key = options.key === true ? madeUpKey() : options.key;
      const settle: Settle = (error, reply) => {
        this.#remove(id);
        timer.cancel();
        signal?.removeEventListener("abort", onAbort);
        if (error === undefined) resolve(reply as T);
        else reject(error);
      };
      const entry: Entry = { frame: frameOf({ ...header, id, key }, payload), isRepeatable: key !== undefined, sent: false, settle };
      const giveUp = (error: unknown): void => {
        if (entry.sent) this.#transmit?.(frameOf({ type: "upwire.cancel", re: id }));
        settle(error);
      };
      const onAbort = (): void => giveUp(signal?.reason);
      const timer = this.#clock.after(timeoutMs, () => giveUp(new RealtimeError("timeout")));
      signal?.addEventListener("abort", onAbort);
      this.#add(id, entry);
    });
  }

  /** One of upwire's own messages: dropped while there is no connection, and forgotten with it. */
  control(header: object, settle: Settle): void {
    if (!this.#transmit) return;
    this.#controls.set(++this.#lastId, settle);
    this.#transmit(frameOf({ ...header, id: this.#lastId }));
  }

  answered(id: number, error: WireError | undefined, payload: unknown): void {
    const settle = this.#controls.get(id) ?? this.#entries.get(id)?.settle;
    this.#controls.delete(id);
    settle?.(error && fromWireError(error), payload);
  }

  #refusal(queue: QueuePolicy | undefined): "closed" | "connection_lost" | "queue_full" | undefined {
    if (this.#isClosed) return "closed";
    if (this.#transmit) return undefined;
    if (queue === "drop") return "connection_lost";
    return this.#waiting >= this.#maxQueue ? "queue_full" : undefined;
  }

  #add(id: number, entry: Entry): void {
    this.#entries.set(id, entry);
    this.#waiting++;
    this.#send(id, entry);
  }

  #send(id: number, entry: Entry): void {
    if (!this.#transmit || entry.sent) return;
    entry.sent = true;
    this.#waiting--;
    if (!entry.settle) this.#entries.delete(id);
    this.#transmit(entry.frame);
  }

  #remove(id: number): void {
    if (this.#entries.get(id)?.sent === false) this.#waiting--;
    this.#entries.delete(id);
  }
}
