import type { Socket } from "node:net";
import { rawRelay, type Audience } from "./raw-relay.ts";
import type { Row } from "./row.ts";

/** One write for each socket and frame. */
class Direct implements Audience {
  readonly sockets = new Set<Socket>();

  send(frame: Buffer): void {
    for (const socket of this.sockets) socket.write(frame);
  }
}

export const row: Row = rawRelay(() => new Direct());
