import type { Clock } from "./clock.ts";
import { CloseCode, type CloseInfo } from "./close-code.ts";
import type { Counters } from "./counters.ts";
import type { Engine, EngineEvents } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import type { Beating, Heartbeat } from "./heartbeat.ts";
import { Hold } from "./hold.ts";
import { Inbox } from "./inbox.ts";
import type { ResolvedLimits } from "./limits.ts";
import type { Message } from "./message.ts";
import { Throttle, type ThrottledConnection } from "./rate-limit.ts";
import type { Outbox } from "./outbox.ts";
import { mayPassBy, Sender, type SendingConnection } from "./sender.ts";
import { channels } from "./telemetry.ts";
import { Vitals } from "./vitals.ts";

/** What a connection tells the one that runs its handler. None of these may throw. */
export interface ConnectionEvents {
  message(session: Session, message: Message): void;
  ping(session: Session, data: Buffer): void;
  pong(session: Session, data: Buffer): void;
  drain(session: Session): void;
  error(session: Session, error: ConnectionError): void;
  close(session: Session, info: CloseInfo): void;
}

type CloseListener = (info: CloseInfo, owner: object) => void;

/** What all sessions of one Upgrader share. */
export interface SessionSetup {
  readonly limits: ResolvedLimits;
  readonly heartbeat: Heartbeat;
  readonly counters: Counters;
  readonly clock: Clock;
}

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
  /** Made when a message cannot pass it by. */
  #sender: Sender | undefined;
  #events: ConnectionEvents | undefined;
  /** What ended it before anybody could be told. */
  #untold: ConnectionError | undefined;
  /** Most connections have two, and an array costs 64 bytes. */
  #closeListener: CloseListener | undefined;
  #laterCloseListeners: CloseListener | CloseListener[] | undefined;
  /** One promise for all who ask: each has a listener, which stays as long as the connection. */
  #closing: Promise<CloseInfo> | undefined;
  /** Made when a message comes that nobody takes at once, or somebody pulls. */
  #inbox: Inbox | undefined;
  #isPulled = false;
  /** Settles when the last of its hooks has, if that is async. Never rejects. */
  lastHook: Promise<void> | undefined;
  /** In the heartbeat. */
  place = 0;

  constructor(setup: SessionSetup, engine: Engine) {
    const { limits, heartbeat, clock } = setup;
    this.#setup = setup;
    this.#engine = engine;
    this.steer();
    heartbeat.add(this);
    this.#vitals = new Vitals(heartbeat.now);
    this.#throttle = limits.rateLimit && new Throttle(limits.rateLimit, clock, this);
    engine.start(this);
  }

  get sender(): Sender {
    this.#sender ??= new Sender(this.#engine, this);
    return this.#sender;
  }

  /** Where messages may be put past the sender, as far as its `isDirect` says so. */
  get outbox(): Outbox | undefined {
    return this.#engine.outbox;
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

  steer(): void {
    const { outbox } = this.#engine;
    if (outbox !== undefined) outbox.isDirect = this.isOpen && this.#sender?.isBusy !== true && mayPassBy(this.limits.slowConsumer);
  }

  sendPing(data: Buffer): void {
    if (this.state === "open") this.#engine.ping(data);
  }

  /** Starts the close handshake behind everything that is queued. */
  close(code: number, reason: string): void {
    if (this.state !== "open") return;
    this.closing();
    this.#sender?.settle();
    this.#engine.close(code, reason);
  }

  terminate(): void {
    if (this.state !== "closed") this.#engine.terminate();
  }

  /** Reports `error` and ends the connection with its close code. */
  fail(error: ConnectionError): void {
    if (this.state !== "open") return;
    this.counters.ended(error.code);
    const isSlow = error.closeCode === CloseCode.tryAgainLater;
    this.#enterClosing(isSlow ? SLOW_CONSUMER_CLOSE_MS : this.limits.closeTimeoutMs);
    this.#inbox?.clear();
    channels.closure.publish({ connection: this.owner, error });
    if (this.#events === undefined) this.#untold = error;
    else this.#events.error(this, error);
    if (error.closeCode === CloseCode.abnormal) return this.#engine.terminate();
    if (!isSlow) this.#sender?.settle();
    else if (this.#sender === undefined) this.#engine.discard();
    else this.#sender.discard();
    this.#engine.close(error.closeCode, error.message);
  }

  onClose(listener: CloseListener): void {
    const later = this.#laterCloseListeners;
    if (this.closeInfo !== undefined) listener(this.closeInfo, this.owner);
    else if (this.#closeListener === undefined) this.#closeListener = listener;
    else if (later === undefined) this.#laterCloseListeners = listener;
    else if (Array.isArray(later)) later.push(listener);
    else this.#laterCloseListeners = [later, listener];
  }

  /** Forgets what `onClose` was given; once, when it was given several times. */
  offClose(listener: CloseListener): void {
    const later = this.#laterCloseListeners;
    if (this.#closeListener === listener) {
      // The next one moves up, so that the order stays.
      this.#closeListener = Array.isArray(later) ? later.shift() : later;
      if (!Array.isArray(later) || later.length === 0) this.#laterCloseListeners = undefined;
    } else if (later === listener) {
      this.#laterCloseListeners = undefined;
    } else if (Array.isArray(later)) {
      const at = later.indexOf(listener);
      if (at >= 0) later.splice(at, 1);
    }
  }

  /** How it ended, when it has. */
  get over(): Promise<CloseInfo> {
    this.#closing ??= new Promise((resolve) => this.onClose(resolve));
    return this.#closing;
  }

  /** Hands the messages and events to a handler, first those that came before. Once. */
  deliverTo(events: ConnectionEvents): void {
    this.#events = events;
    if (this.#untold !== undefined) events.error(this, this.#untold);
    for (let message = this.#nextForHandler(); message !== undefined; message = this.#nextForHandler()) events.message(this, message);
    this.#steerReading();
    if (this.closeInfo !== undefined) events.close(this, this.closeInfo);
  }

  /** From now on messages are pulled, and no handler gets any. */
  pull(): void {
    this.#isPulled = true;
  }

  /** The next message, for who pulls. */
  async take(): Promise<IteratorResult<Message, undefined>> {
    const next = await this.#inboxNow().take();
    this.#steerReading();
    return next;
  }

  // What the engine tells.

  message(message: Message): void {
    // After our close frame nobody is there to answer: what still comes is dropped.
    if (this.state !== "open") return;
    this.#vitals.messageCame(this.#setup.heartbeat.now);
    this.#throttle?.charge(message.byteLength);
    if (this.#events !== undefined && !this.#isPulled) return this.#events.message(this, message);
    this.#inboxNow().put(message);
    this.#steerReading();
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
    if (this.#sender === undefined || this.#sender.wake()) this.#events?.drain(this);
  }

  closing(): void {
    this.#enterClosing(this.limits.closeTimeoutMs);
  }

  failed(error: ConnectionError): void {
    this.fail(error);
  }

  closed(info: CloseInfo): void {
    this.state = "closed";
    this.steer();
    this.closeInfo = info;
    this.#setup.heartbeat.delete(this);
    this.#inbox?.end();
    this.#throttle?.end();
    this.#sender?.end();
    const listeners = [this.#closeListener ?? [], this.#laterCloseListeners ?? []].flat();
    this.#closeListener = undefined;
    this.#laterCloseListeners = undefined;
    for (const listener of listeners) listener(info, this.owner);
    this.#events?.close(this, info);
  }

  hold(reason: Hold, isHeld: boolean): void {
    if (this.state !== "open") return;
    this.#holds = isHeld ? this.#holds | reason : this.#holds & ~reason;
    this.#setup.heartbeat.lookAt(this, 0);
    if (this.#holds === 0) this.#engine.resume();
    else this.#engine.pause();
  }

  // What the rate limit tells.

  throttled(isHeld: boolean): void {
    if (isHeld) this.counters.throttled++;
    this.hold(Hold.rate, isHeld);
  }

  overrun(): void {
    this.fail(new ConnectionError("ERR_RATE_LIMIT"));
  }

  /** Called by the heartbeat. */
  beat(now: number): void {
    if (this.state === "closing") return this.#engine.terminate();
    const isHeld = this.#holds !== 0 || this.#engine.isBehind;
    if (this.#engine.isBehind) this.#vitals.messageCame(now);
    const overdue = this.#vitals.overdue(this.limits, now, this.#engine, isHeld);
    if (overdue !== undefined) return this.fail(new ConnectionError(overdue));
    if (this.#vitals.takePing(this.limits.pingIntervalMs, now)) this.#engine.ping(EMPTY);
    this.#setup.heartbeat.lookAt(this, this.#vitals.nextLook(this.limits, now, this.#engine, isHeld));
  }

  #enterClosing(timeoutMs: number): void {
    if (this.state !== "open") return;
    this.state = "closing";
    this.steer();
    // From now on everything is read: only the peer's close frame is waited for.
    this.#holds = 0;
    this.#engine.resume();
    const { heartbeat } = this.#setup;
    heartbeat.lookAt(this, heartbeat.now + timeoutMs);
  }

  #nextForHandler(): Message | undefined {
    return this.#isPulled ? undefined : this.#inbox?.shift();
  }

  #inboxNow(): Inbox {
    if (this.#inbox === undefined) {
      this.#inbox = new Inbox();
      if (this.state === "closed") this.#inbox.end();
    }
    return this.#inbox;
  }

  #steerReading(): void {
    this.hold(Hold.inbox, this.#inbox?.isEmpty === false);
  }
}
