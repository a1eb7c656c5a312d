import type { ClosureCode, RefusalCode } from "./errors.ts";

/** What an Upgrader has counted since it was made. */
export interface Stats {
  /** Connections that were opened. */
  readonly opened: number;
  /** Upgrade requests that were refused, by code. */
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>;
  /** Connections that upwire itself ended, by code: every limit has its own. */
  readonly ended: Readonly<Partial<Record<ClosureCode, number>>>;
  /** Messages that a slow client did not get, by `drop-newest`, `drop-oldest` or `pause`. */
  readonly dropped: number;
  /** Messages whose place a newer one with the same key took, by `keep-latest`. */
  readonly replaced: number;
  /** Times that a client was held back by `rateLimit`. */
  readonly throttled: number;
  /** Pings that were answered only by the pong for a later one (RFC 6455 §5.5.3). */
  readonly skippedPongs: number;
}

/** Counts for all connections of one Upgrader. */
export class Counters {
  opened = 0;
  dropped = 0;
  replaced = 0;
  throttled = 0;
  skippedPongs = 0;
  readonly #refused: Partial<Record<RefusalCode, number>> = {};
  readonly #ended: Partial<Record<ClosureCode, number>> = {};

  refused(code: RefusalCode): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  ended(code: ClosureCode): void {
    this.#ended[code] = (this.#ended[code] ?? 0) + 1;
  }

  /** As they are now. */
  snapshot(): Stats {
    const { opened, dropped, replaced, throttled, skippedPongs } = this;
    return { opened, refused: { ...this.#refused }, ended: { ...this.#ended }, dropped, replaced, throttled, skippedPongs };
  }
}
