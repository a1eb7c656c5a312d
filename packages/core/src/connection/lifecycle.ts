import { CloseCode, type CloseInfo } from "../base/close-code.ts";
import { CloseListeners } from "./close-listeners.ts";
import type { ConnectionEvents, Farewell } from "./connection-events.ts";
import type { ConnectionSetup } from "./connection-setup.ts";
import type { Counters } from "../base/counters.ts";
import { nextLook, overdue, type Since } from "./deadlines.ts";
import type { Engine, EngineEvents } from "./engine.ts";
import { ConnectionError, peerError } from "../base/errors.ts";
import type { Beating } from "./heartbeat.ts";
import type { Hold } from "../send/pause-reason.ts";
import { messageCut, type StreamedMessage } from "../wire/incoming-stream.ts";
import { Inbound, type InboundLife } from "./inbound.ts";
import type { ResolvedLimits } from "../base/limits.ts";
import type { Message } from "../wire/message.ts";
import type { SendingConnection } from "../send/send-order.ts";
import type { SendQueue } from "../send/send-queue.ts";
import { channels } from "../base/channels.ts";

/** A slow client reads no close frame either: it gets a moment, and then its socket is destroyed. */
const SLOW_CONSUMER_CLOSE_MS = 1000;
const EMPTY = Buffer.alloc(0);

/**
 * The life of one connection: its state, from open by closing to closed, the deadlines of each, and the listeners for its end.
 * All times are of the heartbeat's clock, in milliseconds. What it receives is in `inbound`.
 */
export class Lifecycle<Owner extends object> extends CloseListeners implements EngineEvents, Beating, SendingConnection, InboundLife, Since {
  readonly inbound: Inbound<Owner>;
  state: "open" | "closing" | "closed" = "open";
  place = 0;
  readonly #setup: ConnectionSetup;
  readonly #engine: Engine;
  /** Until when an async `open` may take, or 0. */
  #openUntil = 0;
  // What its deadlines count from.
  pingedAt: number;
  pongAwaitedSince = 0;
  lastMessageAt: number;
  heldUntil = 0;

  /** @param events Runs the handler, if there is one. */
  constructor(setup: ConnectionSetup, engine: Engine, owner: Owner, events: ConnectionEvents<Inbound<Owner>> | undefined) {
    super();
    const { heartbeat } = setup;
    this.#setup = setup;
    this.#engine = engine;
    this.pingedAt = heartbeat.now;
    this.lastMessageAt = heartbeat.now;
    this.inbound = new Inbound(setup, this, owner, events);
  }

  /** The transport delivers from now on: nothing may be half made any more. */
  begin(): void {
    const { heartbeat, counters } = this.#setup;
    counters.opened++;
    counters.open++;
    this.#queue.connect(this);
    heartbeat.add(this);
    this.#engine.start(this);
  }

  /** The connection that users hold. */
  get owner(): Owner {
    return this.inbound.owner;
  }

  /** The one way out. */
  get #queue(): SendQueue {
    return this.#engine.queue;
  }

  get bufferedBytes(): number {
    return this.#queue.bufferedBytes;
  }

  get limits(): ResolvedLimits {
    return this.#setup.limits;
  }

  get counters(): Counters {
    return this.#setup.counters;
  }

  get isOpen(): boolean {
    return this.state === "open";
  }

  sendPing(data: Buffer): void {
    if (this.isOpen) this.#queue.ping(data);
  }

  // How it ends.

  /** Starts the close handshake behind everything that is queued, also behind what is not complete yet. */
  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    this.closing();
    this.#engine.close(code, reason);
  }

  /** The same, behind what the `leaving` hook sends. That may call for the end of this connection too. */
  leave({ code, reason, retryAfterMs }: Farewell): void {
    if (this.state === "open" && this.inbound.leaving({ code, retryAfterMs })) this.close(code, reason);
  }

  terminate(): void {
    if (this.state !== "closed") this.#engine.terminate();
  }

  /** Reports `error` and ends the connection with its close code. */
  fail(error: ConnectionError): void {
    if (this.state !== "open") return;
    const { code, closeCode, text } = ConnectionError.closureOf(error);
    this.counters.ended(code);
    const isSlow = code === "ERR_SLOW_CONSUMER" || code === "ERR_WRITE_TIMEOUT";
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.limits.closeTimeoutMs, error);
    channels.closure.publish({ connection: this.owner, error });
    this.inbound.failed(error);
    if (closeCode === CloseCode.abnormal) return this.#engine.terminate();
    if (isSlow) this.#queue.discard();
    else this.#queue.giveUp();
    this.#engine.close(closeCode, text);
    // The close frame leaves behind nothing, so nothing gives this client more time.
    if (isSlow) this.#endIn(SLOW_CONSUMER_CLOSE_MS);
  }

  closing(): void {
    this.#enterClosing(this.limits.closeTimeoutMs);
  }

  closeFrameLeft(): void {
    this.#endIn(this.limits.closeTimeoutMs);
  }

  #endIn(timeoutMs: number): void {
    this.#setup.heartbeat.lookAt(this, this.#setup.heartbeat.now + timeoutMs);
  }

  #enterClosing(timeoutMs: number, error?: ConnectionError): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.#queue.stopTaking();
    this.inbound.closing(error);
    this.#engine.resume();
    this.#endIn(timeoutMs);
  }

  closed(info: CloseInfo): void {
    this.state = "closed";
    this.counters.open--;
    this.closeInfo = info;
    if (this.#openUntil === 0) {
      this.#setup.heartbeat.delete(this);
    } else {
      // A server that waits for the `close` hook is told of the end at the deadline of `open`.
      this.#setup.heartbeat.lookAt(this, this.#openUntil);
      this.inbound.closedBeforeOpen();
    }
    this.inbound.end();
    this.#queue.release();
    this.tellAll(info);
    this.inbound.closed(info);
  }

  /** What Blobs, writers and other code of the application fail with. */
  report(error: unknown): void {
    this.#setup.report(error, this.owner);
  }

  // What comes in.

  message(message: Message): void {
    // After our close frame no answer reaches the client: what still comes is dropped.
    if (this.state !== "open") return;
    this.#came(1, message.byteLength);
    this.inbound.message(message);
  }

  stream(message: StreamedMessage): void {
    if (this.state !== "open") return message.fail(messageCut());
    this.#came(1, 0);
    this.inbound.stream(message);
  }

  streamBytes(bytes: number): void {
    if (this.state !== "open") return;
    this.#came(0, bytes);
    this.inbound.streamBytes(bytes);
  }

  #came(messages: number, bytes: number): void {
    const { counters, heartbeat } = this.#setup;
    this.lastMessageAt = heartbeat.now;
    counters.messagesIn += messages;
    counters.bytesIn += bytes;
  }

  ping(data: Buffer): void {
    this.inbound.ping(data);
  }

  pong(data: Buffer): void {
    this.inbound.pong(data);
  }

  alive(): void {
    this.pongAwaitedSince = 0;
  }

  drain(): void {
    this.inbound.drain();
  }

  hold(reason: Hold, isHeld: boolean): void {
    if (isHeld) this.inbound.hold(reason);
    else this.inbound.release(reason);
  }

  pauseReading(): void {
    this.#setup.heartbeat.lookAt(this, 0);
    this.#engine.pause();
  }

  resumeReading(): void {
    this.#setup.heartbeat.lookAt(this, 0);
    this.#engine.resume();
  }

  // Deadlines.

  get blockedSince(): number {
    return this.#queue.blockedSince;
  }

  get stalledSince(): number {
    return this.#queue.stalledSince;
  }

  get partialSince(): number {
    return this.#engine.partialSince;
  }

  awaitOpen(): void {
    const { openTimeoutMs } = this.limits;
    if (openTimeoutMs > 0) this.#openUntil = this.#setup.heartbeat.now + openTimeoutMs;
  }

  openingOver(): void {
    if (this.#openUntil === 0) return;
    this.#openUntil = 0;
    if (this.state === "closed") this.#setup.heartbeat.delete(this);
  }

  /** Called by the heartbeat. */
  beat(now: number): void {
    if (this.state === "closing") return this.#queue.holdsCloseFrame ? this.#queue.giveUp() : this.#engine.terminate();
    if (this.#openUntil !== 0 && now >= this.#openUntil) {
      this.openingOver();
      return this.inbound.late();
    }
    const isHeld = this.inbound.isHeld || this.#engine.isBehind;
    // While we do not read, neither a pong nor the rest of a message can be seen: that silence is ours.
    if (isHeld) {
      this.heldUntil = now;
      if (this.pongAwaitedSince !== 0) this.pongAwaitedSince = now;
    }
    const missed = overdue(this, this.limits, now);
    if (missed !== undefined) return this.fail(peerError(missed));
    const { pingIntervalMs } = this.limits;
    if (pingIntervalMs > 0 && now - this.pingedAt >= pingIntervalMs) this.#pingPeer(now);
    const lookAt = isHeld ? now : nextLook(this, this.limits, now);
    this.#setup.heartbeat.lookAt(this, this.#openUntil === 0 ? lookAt : Math.min(lookAt, this.#openUntil));
  }

  #pingPeer(now: number): void {
    this.pingedAt = now;
    if (this.pongAwaitedSince === 0) this.pongAwaitedSince = now;
    this.#queue.ping(EMPTY);
  }
}
