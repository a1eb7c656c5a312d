import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import { checkClose, CloseCode, type CloseInfo } from "./close-code.ts";
import type { Engine } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import { MAX_CONTROL_BYTES } from "./frame.ts";
import type { Beating, Heartbeat } from "./heartbeat.ts";
import { Inbox } from "./inbox.ts";
import { Message } from "./message.ts";
import type { ConnectionLimits } from "./options.ts";
import { PreparedMessage, type MessageData } from "./prepared-message.ts";
import { Sender } from "./sender.ts";
import { channels } from "./telemetry.ts";
import type { ConnectionRequest } from "./upgrade-request.ts";

/** Anything that can be sent. A Blob is read first, and later messages wait behind it. */
export type Sendable = MessageData | Message | PreparedMessage | Blob;

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
  readonly limits: Required<ConnectionLimits>;
  readonly heartbeat: Heartbeat;
}

/** A slow client reads no close frame either: it gets a moment, and then its socket is destroyed. */
const SLOW_CONSUMER_CLOSE_MS = 1000;

/** The message that `data` is. @throws TypeError for what cannot be sent. */
export function prepare(data: MessageData | Message | PreparedMessage): PreparedMessage {
  if (data instanceof PreparedMessage) return data;
  if (data instanceof Message) return new PreparedMessage(data.bytes, { isBinary: data.isBinary });
  return new PreparedMessage(data);
}

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
  readonly #limits: Required<ConnectionLimits>;
  readonly #heartbeat: Heartbeat;
  readonly #inbox = new Inbox();
  #events: ConnectionEvents | undefined;
  #state: "open" | "closing" | "closed" = "open";
  #closeInfo: CloseInfo | undefined;
  #closeListeners: ((info: CloseInfo) => void)[] = [];
  #isPulled = false;
  /** Times of the heartbeat's clock; 0 where nothing is awaited. */
  #closeDeadline = 0;
  #pingedAt: number;
  #pongAwaitedSince = 0;
  #lastMessageAt: number;
  /** When messages were last waiting to be pulled. */
  #heldUntil = 0;

  constructor(init: ConnectionInit<Context>) {
    this.#engine = init.engine;
    this.context = init.context;
    this.remoteAddress = init.remoteAddress;
    this.subprotocol = init.subprotocol;
    this.request = init.request;
    this.#limits = init.limits;
    this.#heartbeat = init.heartbeat;
    this.#sender = new Sender(init.engine, init.limits, this);
    init.heartbeat.add(this);
    this.#pingedAt = init.heartbeat.now;
    this.#lastMessageAt = init.heartbeat.now;
    this.#engine.start({
      message: (bytes, isBinary) => this.#onMessage(new Message(bytes, isBinary)),
      ping: (data) => this.#events?.ping(data),
      pong: (data) => this.#events?.pong(data),
      alive: () => {
        this.#pongAwaitedSince = 0;
      },
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
  send(data: Sendable): boolean {
    return this.#sender.send(data instanceof Blob ? data : prepare(data));
  }

  /** Sends `JSON.stringify(value)` as text. @throws TypeError for a value that JSON cannot hold. */
  sendJson(value: unknown): boolean {
    const text: unknown = JSON.stringify(value);
    if (typeof text !== "string") throw new TypeError("sendJson: the value has no JSON form");
    return this.send(text);
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
    checkClose(code, reason);
    if (this.#state !== "open") return;
    this.#enterClosing(this.#limits.closeTimeoutMs);
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
    const isSlow = error.closeCode === CloseCode.tryAgainLater;
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.#limits.closeTimeoutMs);
    this.#inbox.clear();
    channels.closure.publish({ connection: this, error });
    this.#events?.error(error);
    if (error.closeCode === CloseCode.abnormal) return this.#engine.terminate();
    if (isSlow) this.#engine.discard();
    this.#engine.close(error.closeCode, error.message);
  }

  /** Called by the heartbeat. */
  beat(now: number): void {
    const { writeTimeoutMs, idleTimeoutMs, messageTimeoutMs, pingIntervalMs, pongTimeoutMs } = this.#limits;
    if (this.#state === "closing") {
      if (now >= this.#closeDeadline) this.#engine.terminate();
      return;
    }
    const { blockedSince } = this.#engine;
    if (blockedSince !== 0 && now - blockedSince >= writeTimeoutMs) return this.fail(new ConnectionError("ERR_WRITE_TIMEOUT"));
    if (idleTimeoutMs > 0 && now - this.#lastMessageAt >= idleTimeoutMs) return this.fail(new ConnectionError("ERR_IDLE"));
    // While we do not read, neither a pong nor the rest of a message can be seen: that silence is ours.
    if (!this.#inbox.isEmpty) {
      this.#heldUntil = now;
      if (this.#pongAwaitedSince !== 0) this.#pongAwaitedSince = now;
    }
    const { partialSince } = this.#engine;
    if (partialSince !== 0 && now - Math.max(partialSince, this.#heldUntil) >= messageTimeoutMs) {
      return this.fail(new ConnectionError("ERR_MESSAGE_TIMEOUT"));
    }
    if (pingIntervalMs === 0) return;
    if (this.#pongAwaitedSince !== 0 && now - this.#pongAwaitedSince >= pongTimeoutMs) return this.fail(new ConnectionError("ERR_PONG_TIMEOUT"));
    if (now - this.#pingedAt < pingIntervalMs) return;
    this.#pingedAt = now;
    if (this.#pongAwaitedSince === 0) this.#pongAwaitedSince = now;
    this.#engine.ping(Buffer.alloc(0));
  }

  #enterClosing(timeoutMs: number): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#closeDeadline = this.#heartbeat.now + timeoutMs;
  }

  #onMessage(message: Message): void {
    // After our close frame nobody is there to answer: what still comes is dropped.
    if (this.#state !== "open") return;
    this.#lastMessageAt = this.#heartbeat.now;
    if (this.#events !== undefined && !this.#isPulled) return this.#events.message(message);
    this.#inbox.put(message);
    this.#steerReading();
  }

  #nextForHandler(): Message | undefined {
    return this.#isPulled ? undefined : this.#inbox.shift();
  }

  #steerReading(): void {
    if (this.#state !== "open") return;
    if (this.#inbox.isEmpty) this.#engine.resume();
    else this.#engine.pause();
  }

  #onDrain(): void {
    this.#sender.wake();
    this.#events?.drain();
  }

  #onClosed(info: CloseInfo): void {
    this.#state = "closed";
    this.#closeInfo = info;
    this.#heartbeat.delete(this);
    this.#inbox.end();
    this.#sender.end();
    for (const listener of this.#closeListeners.splice(0)) listener(info);
    this.#events?.close(info);
  }
}
