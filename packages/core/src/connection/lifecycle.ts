import { CloseCode, type CloseInfo } from "../base/close-code.ts";
import type { ConnectionEvents, Farewell } from "./connection-events.ts";
import type { ConnectionSetup } from "./connection-setup.ts";
import type { Counters } from "../base/counters.ts";
import type { DeflateParameters } from "../wire/compression.ts";
import { closures, ConnectionError, deservesQueue, peerError, type ClosureCode } from "../base/errors.ts";
import { look, type Beating, type Timed } from "./pings-and-deadlines.ts";
import type { Hold } from "../send/pause-reason.ts";
import { messageCut, StreamedMessage } from "../wire/incoming-stream.ts";
import { Inbound, type InboundLife } from "./inbound.ts";
import type { ResolvedLimits } from "../base/limits.ts";
import { Message } from "../wire/message.ts";
import type { SendingConnection } from "../send/send-order.ts";
import { Outbound } from "./outbound.ts";
import type { SocketEvents } from "./socket-transport.ts";
import type { Transport, TransportFault } from "./transport.ts";
import { channels } from "../base/channels.ts";

/** A slow client reads no close frame either: it gets a moment, and then its socket is destroyed. */
const SLOW_CONSUMER_CLOSE_MS = 1000;
const EMPTY = Buffer.alloc(0);

/**
 * The life of one connection: its state, from open by closing to closed, the deadlines of each, and the listeners for its end.
 * All times are of the heartbeat's clock, in milliseconds. What it receives is in `inbound`.
 */
export class Lifecycle<Owner extends object> extends Outbound implements SocketEvents, Beating, SendingConnection, InboundLife, Timed {
  readonly inbound: Inbound<Owner>;
  state: "open" | "closing" | "closed" = "open";
  place = 0;
  readonly #setup: ConnectionSetup;
  /** Until when an async `open` may take, or 0. */
  #openUntil = 0;
  // What its deadlines count from.
  pingedAt: number;
  pongAwaitedSince = 0;
  lastMessageAt: number;
  heldUntil = 0;

  /** @param deflate What was agreed on in the handshake, if it is we who compress. @param events Runs the handler, if there is one. */
  constructor(
    setup: ConnectionSetup,
    transport: Transport,
    deflate: DeflateParameters | undefined,
    owner: Owner,
    events: ConnectionEvents<Inbound<Owner>> | undefined,
  ) {
    super(setup, transport, deflate);
    const { heartbeat } = setup;
    this.#setup = setup;
    this.pingedAt = heartbeat.now;
    this.lastMessageAt = heartbeat.now;
    this.inbound = new Inbound(setup, this, owner, events);
  }

  /** Starts the transport. It may tell something at once, so everything has to be made before. */
  begin(): void {
    const { heartbeat, counters } = this.#setup;
    counters.opened++;
    counters.open++;
    this.queue.connect(this);
    heartbeat.add(this);
    this.transport.start(this);
  }

  /** The connection that users hold. */
  get owner(): Owner {
    return this.inbound.owner;
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
    if (this.isOpen) this.queue.ping(data);
  }

  // How it ends.

  /** Starts the close handshake behind everything that is queued, also behind what is not complete yet. */
  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    this.closing();
    this.sendClose(code, reason);
  }

  /** Calls the hook `leaving`, and closes behind what that has sent. The hook may end this connection itself. */
  leave({ code, reason, retryAfterMs }: Farewell): void {
    if (this.state === "open" && this.inbound.leaving({ code, retryAfterMs })) this.close(code, reason);
  }

  /** Nothing is taken or sent from now on: what has not left is missed, and so is a close frame. */
  terminate(): void {
    if (this.state === "closed") return;
    this.cut();
    this.closing();
    this.queue.release();
    this.transport.terminate();
  }

  /** Reports `error` and ends the connection with its close code, where the client deserves it behind everything that is queued. */
  fail(error: ConnectionError): void {
    if (this.state !== "open") return;
    const { code, closeCode, text } = ConnectionError.closureOf(error);
    this.counters.ended(code);
    const isSlow = code === "ERR_SLOW_CONSUMER" || code === "ERR_WRITE_TIMEOUT";
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.limits.closeTimeoutMs, error);
    channels.closure.publish({ connection: this.owner, error });
    this.inbound.failed(error);
    if (closeCode === CloseCode.abnormal) return this.transport.terminate();
    if (isSlow) this.queue.discard();
    else if (!deservesQueue(code)) this.queue.giveUp();
    this.sendClose(closeCode, text);
    // The queue in front of this close frame was discarded, so nothing else gives the client more time.
    if (isSlow) this.#endIn(SLOW_CONSUMER_CLOSE_MS);
  }

  closing(): void {
    this.#enterClosing(this.limits.closeTimeoutMs);
  }

  broken(fault: TransportFault): void {
    this.fail(ConnectionError.from(fault) ?? peerError(closureCode(fault.code), fault.cause));
    // The connection may have been closing already: then `fail` has done nothing.
    this.deafened();
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
    this.queue.stopTaking();
    this.inbound.closing(error);
    this.transport.resume();
    this.#endIn(timeoutMs);
  }

  closed(info: CloseInfo = this.outcome): void {
    if (this.state === "closed") return;
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
    this.queue.release();
    this.tellAll(info);
    this.inbound.closed(info);
  }

  /** What Blobs, writers and other code of the application fail with. */
  report(error: unknown): void {
    this.#setup.report(error, this.owner);
  }

  // What comes in.

  text(bytes: Buffer): void {
    this.#told(new Message(bytes, false));
  }

  binary(bytes: Buffer): void {
    this.#told(new Message(bytes, true));
  }

  #told(message: Message): void {
    if (!this.inbound.streams) return this.message(message);
    this.stream(StreamedMessage.of(message));
    this.streamBytes(message.byteLength);
  }

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
    if (this.transport.answersPings !== true && this.queue.pong(data)) this.counters.skippedPongs++;
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

  hold(reason: Hold): void {
    this.inbound.hold(reason);
  }

  release(reason: Hold): void {
    this.inbound.release(reason);
  }

  pauseReading(): void {
    this.#setup.heartbeat.lookAt(this, 0);
    this.transport.pause();
  }

  resumeReading(): void {
    this.#setup.heartbeat.lookAt(this, 0);
    this.transport.resume();
  }

  // Pings and deadlines.

  get isHeld(): boolean {
    return this.inbound.isHeld || this.transport.isBehind === true;
  }

  get partialSince(): number {
    return this.transport.partialSince ?? 0;
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
    if (this.state === "closing") return this.queue.holdsCloseFrame ? this.queue.giveUp() : this.transport.terminate();
    if (this.#openUntil !== 0 && now >= this.#openUntil) {
      this.openingOver();
      return this.inbound.late();
    }
    const next = look(this, this.limits, now);
    if (typeof next === "string") return this.fail(peerError(next));
    this.#setup.heartbeat.lookAt(this, this.#openUntil === 0 ? next : Math.min(next, this.#openUntil));
  }

  pingPeer(): void {
    this.queue.ping(EMPTY);
  }
}

/** The code that a transport told. One that core does not know counts as a broken protocol. */
function closureCode(code: string): ClosureCode {
  return Object.hasOwn(closures, code) ? (code as ClosureCode) : "ERR_PROTOCOL";
}
