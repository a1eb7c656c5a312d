import type { ConnectionSetup } from "./connection-setup.ts";
import type { Counters } from "../base/counters.ts";
import { peerError, type ConnectionError } from "../base/errors.ts";
import { Hold } from "../send/pause-reason.ts";
import { Throttle, type ThrottledConnection } from "./rate-limit.ts";

/** What reading asks of the life of its connection. */
export interface ReadingLife {
  readonly isOpen: boolean;
  readonly counters: Counters;
  /** Reports `error` and ends the connection with its close code. */
  fail(error: ConnectionError): void;
  pauseReading(): void;
  resumeReading(): void;
}

/** Whether one client is read, and the reasons why not: several may hold at once. A class to build on, so that it takes no object of its own. */
export abstract class Reading<Life extends ReadingLife> implements ThrottledConnection {
  protected readonly life: Life;
  protected readonly throttle: Throttle | undefined;
  /** Bits of `Hold`. */
  #holds = 0;

  constructor({ limits, clock, heartbeat }: ConnectionSetup, life: Life) {
    this.life = life;
    this.throttle = limits.rateLimit && new Throttle(limits.rateLimit, clock, this, heartbeat);
  }

  /** Whether the socket is not read, by our own choice. */
  get isHeld(): boolean {
    return this.#holds !== 0;
  }

  isHeldFor(reason: Hold): boolean {
    return (this.#holds & reason) !== 0;
  }

  /** From now on everything is read: only the peer's close frame is waited for. */
  closing(): void {
    this.#holds = 0;
  }

  hold(reason: Hold): void {
    if (!this.life.isOpen) return;
    this.#holds |= reason;
    this.life.pauseReading();
  }

  release(reason: Hold): void {
    if (!this.life.isOpen) return;
    this.#holds &= ~reason;
    if (this.#holds === 0) this.life.resumeReading();
  }

  throttled(): void {
    this.life.counters.throttled++;
    this.hold(Hold.rate);
  }

  unthrottled(): void {
    this.release(Hold.rate);
  }

  overrun(): void {
    this.life.fail(peerError("ERR_RATE_LIMIT"));
  }
}
