import type { MeshEvents, Peer } from "./peer.ts";

/** Writes what waits for the other nodes: once for each link and turn of the event loop, and a second time what the first has brought about. */
export class Flushes {
  readonly #peers: ReadonlyMap<string, Peer>;
  readonly #events: Pick<MeshEvents, "flushing" | "flushed">;
  #isDue = false;

  constructor(peers: ReadonlyMap<string, Peer>, events: Pick<MeshEvents, "flushing" | "flushed">) {
    this.#peers = peers;
    this.#events = events;
  }

  due(): void {
    if (this.#isDue) return;
    this.#isDue = true;
    setImmediate(() => this.flush());
  }

  flush(): void {
    this.#isDue = false;
    this.#events.flushing();
    for (const { link } of this.#peers.values()) link.flush();
    this.#events.flushed();
    for (const { link } of this.#peers.values()) link.flush();
  }
}
