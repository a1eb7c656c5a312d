import { CloseCode, type CloseInfo } from "./close-code.ts";
import { CloseListeners, type CloseListener } from "./close-listeners.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import type { Counters } from "./counters.ts";
import type { Engine, EngineEvents } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import { guard } from "./guard.ts";
import type { Beating } from "./heartbeat.ts";
import { Hold } from "./hold.ts";
import { messageCut, type StreamedMessage } from "./incoming-stream.ts";
import { Inbox } from "./inbox.ts";
import type { ResolvedLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { Throttle, type ThrottledConnection } from "./rate-limit.ts";
import type { SendingConnection } from "./send-order.ts";
import type { SendQueue } from "./send-queue.ts";
import type { SessionSetup } from "./session-setup.ts";
import { StreamInbox } from "./stream-inbox.ts";
import { channels } from "./telemetry.ts";
import { Vitals } from "./vitals.ts";

/** A slow client reads no close frame either: it gets a moment, and then its socket is destroyed. */
const SLOW_CONSUMER_CLOSE_MS = 1000;
const EMPTY = Buffer.alloc(0);

/** What happens on a connection, behind the `Connection` that users hold: its state, its deadlines, its delivery. */
export class Session implements EngineEvents, Beating, SendingConnection, ThrottledConnection {
  /** The connection that users hold. */
  owner!: object;
  state: "open" | "closing" | "closed" = "open";
  closeInfo: CloseInfo | undefined;
  readonly #engine: Engine;
  readonly #setup: SessionSetup;
  readonly #vitals: Vitals;
  /** The reasons for which nothing is read now. */
  #holds = 0;
  readonly #throttle: Throttle | undefined;
  #events: ConnectionEvents<Session> | undefined;
  /** An `open` that has not settled, and how long it may take by the heartbeat's time. */
  #opening: { readonly events: ConnectionEvents<Session>; readonly until: number } | undefined;
  /** What ended it before anybody could be told. */
  #untold: ConnectionError | undefined;
  readonly #closeListeners = new CloseListeners();
  /** One promise for all who ask: each has a listener, which stays as long as the connection. */
  #closing: Promise<CloseInfo> | undefined;
  /** Made when a message comes that nobody takes at once, or somebody pulls. */
  #inbox: Inbox | undefined;
  #isPulled = false;
  /** Made when the first message comes as a stream. */
  #streams: StreamInbox | undefined;
  /** Settles when the last of its hooks has, if that is async. Never rejects. */
  lastHook: Promise<void> | undefined;
  /** Called behind the `close` hook of a connection that was over before its `open` had settled. */
  #toldOfEnd: ((lastHook: Promise<void> | undefined) => void) | undefined;
  place = 0;

  constructor(setup: SessionSetup, engine: Engine) {
    const { limits, heartbeat, clock } = setup;
    this.#setup = setup;
    this.#engine = engine;
    engine.queue.connect(this);
    heartbeat.add(this);
    this.#vitals = new Vitals(heartbeat.now);
    this.#throttle = limits.rateLimit && new Throttle(limits.rateLimit, clock, this, heartbeat);
    engine.start(this);
  }

  /** The one way out. */
  get queue(): SendQueue {
    return this.#engine.queue;
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
    if (this.state === "open") this.queue.ping(data);
  }

  /** Starts the close handshake behind everything that is queued, also behind what is not complete yet. */
  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    this.closing();
    this.#engine.close(code, reason);
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
    this.#streams?.clear(error);
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.limits.closeTimeoutMs);
    this.#inbox?.clear();
    channels.closure.publish({ connection: this.owner, error });
    if (this.#events === undefined) this.#untold = error;
    else this.#events.error(this, error);
    if (closeCode === CloseCode.abnormal) return this.#engine.terminate();
    if (isSlow) this.queue.discard();
    else this.queue.giveUp();
    this.#engine.close(closeCode, text);
  }

  onClose(listener: CloseListener): void {
    if (this.closeInfo === undefined) this.#closeListeners.add(listener);
    else this.#tell(listener, this.closeInfo);
  }

  offClose(listener: CloseListener): void {
    this.#closeListeners.delete(listener);
  }

  /** How it ended, when it has. */
  get over(): Promise<CloseInfo> {
    this.#closing ??= new Promise((resolve) => this.onClose(resolve));
    return this.#closing;
  }

  /** Hands the messages and events to a handler, first those that came before. Once. */
  deliverTo(events: ConnectionEvents<Session>): void {
    if (this.#events !== undefined) return;
    this.#events = events;
    this.#openingOver();
    if (this.#untold !== undefined) events.error(this, this.#untold);
    for (let message = this.#nextForHandler(); message !== undefined; message = this.#nextForHandler()) events.message(this, message);
    this.#giveStreams();
    this.#steerReading();
    if (this.closeInfo === undefined) return;
    this.lastHook = undefined;
    events.close(this, this.closeInfo);
    this.#toldOfEnd?.(this.lastHook);
  }

  /** Until `deliverTo`, `openTimeoutMs` or `pull`. */
  waitForOpen(events: ConnectionEvents<Session>): void {
    const { openTimeoutMs } = this.limits;
    if (openTimeoutMs === 0 || this.#events !== undefined || this.#isPulled) return;
    this.#opening = { events, until: this.#setup.heartbeat.now + openTimeoutMs };
  }

  /** From now on messages are pulled, and no handler gets any. @throws Error when they come as streams. */
  pull(): void {
    if (this.#setup.streams) throw new Error("The messages of this connection come as streams, to the hook stream of its handler: leave that out to iterate over it");
    this.#isPulled = true;
    this.#openingOver();
  }

  /** The next message, for who pulls. */
  async take(): Promise<IteratorResult<Message, undefined>> {
    const next = await this.#inboxNow().take();
    this.#steerReading();
    return next;
  }

  message(message: Message): void {
    // After our close frame nobody is there to answer: what still comes is dropped.
    if (this.state !== "open") return;
    this.#vitals.messageCame(this.#setup.heartbeat.now);
    this.#throttle?.charge(message.byteLength);
    if (this.#events !== undefined && !this.#isPulled) return this.#events.message(this, message);
    this.#inboxNow().put(message);
    this.#steerReading();
  }

  stream(message: StreamedMessage): void {
    if (this.state === "open") this.#throttle?.charge(0);
    if (this.state !== "open") return message.fail(messageCut());
    this.#vitals.messageCame(this.#setup.heartbeat.now);
    this.#streams ??= new StreamInbox(() => this.#giveStreams());
    this.#streams.put(message);
    this.#giveStreams();
  }

  streamBytes(bytes: number): void {
    if (this.state !== "open") return;
    this.#vitals.messageCame(this.#setup.heartbeat.now);
    this.#throttle?.chargeBytes(bytes);
  }

  ping(data: Buffer): void {
    this.#throttle?.charge(data.byteLength);
    this.#events?.ping(this, data);
  }

  pong(data: Buffer): void {
    this.#throttle?.charge(data.byteLength);
    this.#events?.pong(this, data);
  }

  alive(): void {
    this.#vitals.alive();
  }

  drain(): void {
    this.#events?.drain(this);
  }

  closeFrameLeft(): void {
    this.#setup.heartbeat.lookAt(this, this.#setup.heartbeat.now + this.limits.closeTimeoutMs);
  }

  closing(): void {
    this.#enterClosing(this.limits.closeTimeoutMs);
  }

  closed(info: CloseInfo): void {
    this.state = "closed";
    this.closeInfo = info;
    if (this.#opening === undefined) {
      this.#setup.heartbeat.delete(this);
    } else {
      // Who waits for `open` is told of the end at its deadline.
      this.#setup.heartbeat.lookAt(this, this.#opening.until);
      this.lastHook = new Promise((resolve) => (this.#toldOfEnd = resolve));
    }
    this.#inbox?.end();
    this.#streams?.end(messageCut());
    this.#throttle?.end();
    this.queue.release();
    for (const listener of this.#closeListeners.take()) this.#tell(listener, info);
    this.#events?.close(this, info);
  }

  hold(reason: Hold, isHeld: boolean): void {
    if (this.state !== "open") return;
    this.#holds = isHeld ? this.#holds | reason : this.#holds & ~reason;
    this.#setup.heartbeat.lookAt(this, 0);
    if (this.#holds === 0) this.#engine.resume();
    else this.#engine.pause();
  }

  throttled(isHeld: boolean): void {
    if (isHeld) this.counters.throttled++;
    this.hold(Hold.rate, isHeld);
  }

  overrun(): void {
    this.fail(new ConnectionError("ERR_RATE_LIMIT"));
  }

  /** Called by the heartbeat. */
  beat(now: number): void {
    if (this.state === "closing") return this.queue.holdsCloseFrame ? this.queue.giveUp() : this.#engine.terminate();
    const opening = this.#opening;
    if (opening !== undefined && now >= opening.until) {
      this.#openingOver();
      return opening.events.late(this);
    }
    const isHeld = this.#holds !== 0 || this.#engine.isBehind;
    if (this.#engine.isBehind) this.#vitals.messageCame(now);
    const overdue = this.#vitals.overdue(this.limits, now, this.#engine, isHeld);
    if (overdue !== undefined) return this.fail(new ConnectionError(overdue));
    if (this.#vitals.takePing(this.limits.pingIntervalMs, now)) this.queue.ping(EMPTY);
    const nextLook = this.#vitals.nextLook(this.limits, now, this.#engine, isHeld);
    this.#setup.heartbeat.lookAt(this, opening === undefined ? nextLook : Math.min(nextLook, opening.until));
  }

  /** What the sender's Blobs and writers fail with. */
  report(error: unknown): void {
    this.#setup.report(error, this.owner);
  }

  #openingOver(): void {
    if (this.#opening === undefined) return;
    this.#opening = undefined;
    if (this.state === "closed") this.#setup.heartbeat.delete(this);
  }

  /** One listener that fails must not keep the others from being told. */
  #tell(listener: CloseListener, info: CloseInfo): void {
    guard(() => listener(info, this.owner), (error) => this.report(error));
  }

  #enterClosing(timeoutMs: number): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.queue.stopTaking();
    this.#streams?.end(messageCut());
    // From now on everything is read: only the peer's close frame is waited for.
    this.#holds = 0;
    this.#engine.resume();
    this.#setup.heartbeat.lookAt(this, this.#setup.heartbeat.now + timeoutMs);
  }

  #nextForHandler(): Message | undefined {
    return this.#isPulled ? undefined : this.#inbox?.shift();
  }

  #giveStreams(): void {
    const events = this.#events;
    for (let next = events && this.#streams?.next(); next !== undefined; next = this.#streams?.next()) events?.stream(this, next);
    this.#steerReading();
  }

  #inboxNow(): Inbox {
    if (this.#inbox === undefined) {
      this.#inbox = new Inbox();
      if (this.state === "closed") this.#inbox.end();
    }
    return this.#inbox;
  }

  #steerReading(): void {
    this.hold(Hold.inbox, this.#inbox?.isEmpty === false || this.#streams?.isEmpty === false);
  }
}
