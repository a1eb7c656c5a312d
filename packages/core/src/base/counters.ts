import { closures, type ClosureCode, type RefusalCode } from "./errors.ts";

/** Codes of layers that are counted apart: a code that is made anew for each closure must not fill the memory. */
const MAX_FOREIGN_CODES = 256;
/** What counts all others. */
const OTHER = "other";

/** What an Upgrader has counted since it was made. */
export interface Stats {
  /** Connections that were opened. */
  readonly opened: number;
  /** Connections that are open or closing now. */
  readonly open: number;
  /** Complete messages that came, and messages that began as streams, unless they were dropped because the connection was closing. */
  readonly messagesIn: number;
  /** Messages that a queue took, once for each client. */
  readonly messagesOut: number;
  /** Their payloads, as the application sees them: without frames, and before compression. Bytes. */
  readonly bytesIn: number;
  readonly bytesOut: number;
  /** What waits to leave now, in our queues and the sockets', as it goes on the wire. Bytes; found by looking at each connection. */
  readonly queuedBytes: number;
  /** Upgrade requests that were refused, by code. */
  readonly refused: Readonly<Partial<Record<RefusalCode, number>>>;
  /**
   * Connections that upwire or a layer above ended, by code: every limit has its own. Of the codes of layers, each of the first
   * 256 has its own; the rest is counted under `other`.
   */
  readonly ended: Readonly<Partial<Record<ClosureCode | (string & {}), number>>>;
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
  open = 0;
  messagesIn = 0;
  messagesOut = 0;
  bytesIn = 0;
  bytesOut = 0;
  dropped = 0;
  replaced = 0;
  throttled = 0;
  skippedPongs = 0;
  readonly #refused: Partial<Record<RefusalCode, number>> = {};
  readonly #ended = new Map<string, number>();
  #foreignCodes = 0;

  refused(code: RefusalCode): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1;
  }

  ended(code: string): void {
    const before = this.#ended.get(code);
    if (before !== undefined) this.#ended.set(code, before + 1);
    else if (Object.hasOwn(closures, code) || this.#foreignCodes++ < MAX_FOREIGN_CODES) this.#ended.set(code, 1);
    else this.#ended.set(OTHER, (this.#ended.get(OTHER) ?? 0) + 1);
  }

  /** As they are now. */
  snapshot(queuedBytes: number): Stats {
    const { opened, open, messagesIn, messagesOut, bytesIn, bytesOut, dropped, replaced, throttled, skippedPongs } = this;
    const byCode = { refused: { ...this.#refused }, ended: Object.fromEntries(this.#ended) };
    return { opened, open, messagesIn, messagesOut, bytesIn, bytesOut, queuedBytes, ...byCode, dropped, replaced, throttled, skippedPongs };
  }
}
