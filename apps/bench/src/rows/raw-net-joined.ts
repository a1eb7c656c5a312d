import type { Socket } from "node:net";
import { rawRelay, type Audience } from "./raw-relay.ts";
import type { Row } from "./row.ts";

/** The frames of one turn are joined once, and each socket gets one write. */
class Joined implements Audience {
  readonly sockets = new Set<Socket>();
  #frames: Buffer[] = [];

  send(frame: Buffer): void {
    if (this.#frames.push(frame) === 1) setImmediate(this.#flush);
  }

  readonly #flush = (): void => {
    const joined = Buffer.concat(this.#frames);
    this.#frames = [];
    for (const socket of this.sockets) socket.write(joined);
  };
}

export const row: Row = rawRelay(() => new Joined());
