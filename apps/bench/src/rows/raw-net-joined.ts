import type { Socket } from "node:net";
import { rawRelay, type Audience } from "./raw-relay.ts";
import type { Row } from "./row.ts";

/** Longest time for which frames are gathered. */
const GATHER_MS = 1;

/**
 * Frames are joined once, and each socket gets one write, as soon as a turn of the event loop has brought nothing more. At the
 * end of the first turn would be too early: of a burst of many senders it has only the first few, the others come while those
 * are written, and from then on there are two batches for ever.
 */
class Joined implements Audience {
  readonly sockets = new Set<Socket>();
  #frames: Buffer[] = [];
  #seen = 0;
  #since = 0;

  send(frame: Buffer): void {
    if (this.#frames.push(frame) > 1) return;
    this.#since = performance.now();
    setImmediate(this.#gather);
  }

  readonly #gather = (): void => {
    const hasMore = this.#frames.length > this.#seen;
    this.#seen = this.#frames.length;
    if (hasMore && performance.now() - this.#since < GATHER_MS) setImmediate(this.#gather);
    else this.#flush();
  };

  #flush(): void {
    const joined = Buffer.concat(this.#frames);
    this.#frames = [];
    this.#seen = 0;
    for (const socket of this.sockets) socket.write(joined);
  }
}

export const row: Row = rawRelay(() => new Joined());
