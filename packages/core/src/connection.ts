import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import type { Clock } from "./clock.ts";
import { CloseCode, isSendableCloseCode, type CloseInfo } from "./close-code.ts";
import type { Counters } from "./counters.ts";
import type { Engine } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import { MAX_CONTROL_BYTES } from "./frame.ts";
import type { Beating, Heartbeat } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import { Message } from "./message.ts";
import type { ResolvedLimits } from "./limits.ts";
import { Throttle, type ResolvedRateLimit } from "./rate-limit.ts";
import { Hold, ReadGate } from "./read-gate.ts";
import { prepare, type Sendable, type SendOptions } from "./sendable.ts";
import { Sender } from "./sender.ts";
import type { ConnectionRequest } from "./upgrade-request.ts";
import { Vitals } from "./vitals.ts";

/** What a connection tells the one that runs its handler. None of these may throw. */
export interface ConnectionEvents {
  message(message: Message): void;
  ping(data: Buffer): void;
  pong(data: Buffer): void;
  drain(): void;
  error(error: ConnectionError): void;
  close(info: CloseInfo): void;
}

export interface ConnectionInit<Context> {
  readonly engine: Engine;
  readonly context: Context;
  readonly remoteAddress: string;
  readonly subprotocol: string;
  readonly request: ConnectionRequest;
  readonly limits: ResolvedLimits;
  readonly heartbeat: Heartbeat;
  readonly counters: Counters;
  readonly clock: Clock;
}

/** A slow client reads no close frame either: it gets a moment, and then its socket is destroyed. */
const SLOW_CONSUMER_CLOSE_MS = 1000;
/** RFC 6455 §5.5.1: a close frame spends two of its bytes on the code. */
const MAX_REASON_BYTES = MAX_CONTROL_BYTES - 2;

/** One client. Every method is safe at any time: on a connection that is closing or closed nothing happens. */
export class Connection<Context = unknown> implements Beating {
  /** A random UUID, unique in every process. It may be shown to other clients; it proves nothing. */
  readonly id: string = randomUUID();
  /** What `authorize` returned. */
  context: Context;
  /** `ip:port` of the client; the IP address alone when `trustProxy` has found it and no port was told. */
  readonly remoteAddress: string;
  /** The subprotocol that was selected, or an empty string. */
  readonly subprotocol: string;
  /** What is kept of the upgrade request. */
  readonly request: ConnectionRequest;

  readonly #engine: Engine;
  readonly #sender: Sender;
  readonly #limits: ResolvedLimits;
  readonly #heartbeat: Heartbeat;
  readonly #counters: Counters;
  readonly #vitals: Vitals;
  readonly #throttle: Throttle | undefined;
  readonly #reading: ReadGate;
  readonly #inbox = new Inbox();
  #events: ConnectionEvents | undefined;
  #state: "open" | "closing" | "closed" = "open";
  #closeInfo: CloseInfo | undefined;
  #closeListeners: ((info: CloseInfo) => void)[] = [];
  #isPulled = false;
  /** By the heartbeat's clock. */
  #closeDeadline = 0;

  constructor(init: ConnectionInit<Context>) {
    this.#engine = init.engine;
    this.context = init.context;
    this.remoteAddress = init.remoteAddress;
    this.subprotocol = init.subprotocol;
    this.request = init.request;
    this.#limits = init.limits;
    this.#heartbeat = init.heartbeat;
    this.#counters = init.counters;
    this.#reading = new ReadGate(init.engine);
    this.#sender = new Sender(init, this.#reading, this);
    init.heartbeat.add(this);
    this.#vitals = new Vitals(init.limits, init.heartbeat.now);
    this.#throttle = init.limits.rateLimit && this.#throttleBy(init.limits.rateLimit, init.clock);
    this.#engine.start({
      message: (bytes, isBinary) => this.#onMessage(new Message(bytes, isBinary)),
      ping: (data) => {
        this.#throttle?.charge(data.byteLength);
        this.#events?.ping(data);
      },
      pong: (data) => {
        this.#throttle?.charge(data.byteLength);
        this.#events?.pong(data);
      },
      alive: () => this.#vitals.alive(),
      drain: () => this.#onDrain(),
      closing: () => this.#enterClosing(this.#limits.closeTimeoutMs),
      failed: (error) => this.fail(error),
      closed: (info) => this.#onClosed(info),
    });
  }

  get isOpen(): boolean {
    return this.#state === "open";
  }

  get state(): "open" | "closing" | "closed" {
    return this.#state;
  }

  /** How it ended, once it has. */
  get closeInfo(): CloseInfo | undefined {
    return this.#closeInfo;
  }

  /** Bytes that wait to leave, in our queue and the socket's. */
  get bufferedBytes(): number {
    return this.#sender.bufferedBytes;
  }

  /**
   * Queues one message; everything queued in one turn of the event loop leaves in one write.
   * @returns whether the queue took it: `false` when the connection is not open or the client is too slow.
   * @throws TypeError for what is neither text nor bytes.
   */
  send(data: Sendable, { key }: SendOptions = {}): boolean {
    return this.#sender.send(data instanceof Blob ? data : prepare(data), key);
  }

  /** Sends `JSON.stringify(value)` as text. @throws TypeError for a value that JSON cannot hold. */
  sendJson(value: unknown, options?: SendOptions): boolean {
    const text: unknown = JSON.stringify(value);
    if (typeof text !== "string") throw new TypeError("sendJson: the value has no JSON form");
    return this.send(text, options);
  }

  /**
   * Starts one large message that leaves in fragments as it is written; other messages wait until it ends.
   * @throws Error while another one is being written.
   */
  createWriter(type: "text" | "binary"): Writable {
    return this.#sender.createWriter(type === "binary");
  }

  /** Sends a ping (RFC 6455 §5.5.2). @param data At most 125 bytes. @throws RangeError for more. */
  ping(data: string | Uint8Array = ""): void {
    const payload = Buffer.from(data as string);
    if (payload.byteLength > MAX_CONTROL_BYTES) throw new RangeError(`A ping carries at most ${MAX_CONTROL_BYTES} bytes`);
    if (this.#state === "open") this.#engine.ping(payload);
  }

  /**
   * Starts the close handshake behind everything that is queued; a Blob that is still being read is given up.
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999. @param reason At most 123 bytes of UTF-8.
   * @throws RangeError for a code or reason that may not be sent.
   */
  close(code: number = CloseCode.normal, reason = ""): void {
    if (!isSendableCloseCode(code)) throw new RangeError(`${code} may not be sent as a close code`);
    if (Buffer.byteLength(reason) > MAX_REASON_BYTES) throw new RangeError(`A close reason has at most ${MAX_REASON_BYTES} bytes`);
    if (this.#state !== "open") return;
    this.#enterClosing(this.#limits.closeTimeoutMs);
    this.#sender.settle();
    this.#engine.close(code, reason);
  }

  /** Ends the TCP connection at once, without a close frame; the client sees code 1006. */
  terminate(): void {
    if (this.#state !== "closed") this.#engine.terminate();
  }

  /** Settles as soon as more may be written: the socket takes data again, or the connection is over. Never rejects. */
  drain(): Promise<void> {
    return this.#state === "closed" ? Promise.resolve() : this.#sender.drain();
  }

  /** How the connection ended, when it has. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return new Promise((resolve) => {
      this.onClose(resolve);
    });
  }

  /** Calls `listener` once when the connection is over, at once when it is already. */
  onClose(listener: (info: CloseInfo) => void): void {
    if (this.#closeInfo !== undefined) listener(this.#closeInfo);
    else this.#closeListeners.push(listener);
  }

  /**
   * Pull style: the messages in order, until the connection ends; how it ended is in `closeInfo`. While nobody pulls,
   * the socket is paused and TCP holds the client back. Leaving the loop early closes with 1000.
   */
  async *[Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    this.#isPulled = true;
    try {
      for (;;) {
        const { done, value } = await this.#inbox.take();
        this.#steerReading();
        if (done === true) return;
        yield value;
      }
    } finally {
      this.close();
    }
  }

  /** Hands the messages and events to a handler, first those that came before. For those who run handlers; once. */
  deliverTo(events: ConnectionEvents): void {
    this.#events = events;
    for (let message = this.#nextForHandler(); message !== undefined; message = this.#nextForHandler()) events.message(message);
    this.#steerReading();
    if (this.#closeInfo !== undefined) events.close(this.#closeInfo);
  }

  /** Reports `error` and ends the connection with its close code. */
  fail(error: ConnectionError): void {
    if (this.#state !== "open") return;
    this.#counters.ended(error.code);
    const isSlow = error.closeCode === CloseCode.tryAgainLater;
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.#limits.closeTimeoutMs);
    this.#inbox.clear();
    this.#events?.error(error);
    if (error.closeCode === CloseCode.abnormal) return this.#engine.terminate();
    if (isSlow) this.#sender.discard();
    else this.#sender.settle();
    this.#engine.close(error.closeCode, error.message);
  }

  /** Called by the heartbeat. */
  beat(now: number): void {
    if (this.#state === "closing") {
      if (now >= this.#closeDeadline) this.#engine.terminate();
      return;
    }
    const overdue = this.#vitals.overdue(now, this.#engine, this.#reading.isHeld);
    if (overdue !== undefined) return this.fail(new ConnectionError(overdue));
    if (this.#vitals.takePing(now)) this.#engine.ping(Buffer.alloc(0));
  }

  #throttleBy(limit: ResolvedRateLimit, clock: Clock): Throttle {
    return new Throttle(limit, clock, {
      throttled: (isHeld) => {
        if (isHeld) this.#counters.throttled++;
        this.#reading.set(Hold.rate, isHeld);
      },
      overrun: () => this.fail(new ConnectionError("ERR_RATE_LIMIT")),
    });
  }

  #enterClosing(timeoutMs: number): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#reading.end();
    this.#closeDeadline = this.#heartbeat.now + timeoutMs;
  }

  #onMessage(message: Message): void {
    // After our close frame nobody is there to answer: what still comes is dropped.
    if (this.#state !== "open") return;
    this.#vitals.messageCame(this.#heartbeat.now);
    this.#throttle?.charge(message.bytes.byteLength);
    if (this.#events !== undefined && !this.#isPulled) return this.#events.message(message);
    this.#inbox.put(message);
    this.#steerReading();
  }

  #nextForHandler(): Message | undefined {
    return this.#isPulled ? undefined : this.#inbox.shift();
  }

  #steerReading(): void {
    this.#reading.set(Hold.inbox, !this.#inbox.isEmpty);
  }

  #onDrain(): void {
    if (this.#sender.wake()) this.#events?.drain();
  }

  #onClosed(info: CloseInfo): void {
    this.#state = "closed";
    this.#closeInfo = info;
    this.#heartbeat.delete(this);
    this.#inbox.end();
    this.#throttle?.end();
    this.#sender.end();
    for (const listener of this.#closeListeners.splice(0)) listener(info);
    this.#events?.close(info);
  }
}
