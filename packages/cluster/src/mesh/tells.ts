import type { Clock } from "@upwire/core";
import { unavailable } from "../broker/errors.ts";
import { messages } from "./frames.ts";
import type { Peer } from "./peer.ts";

/** What is kept for one node, at most. Bytes. */
const MAX_KEPT_BYTES = 8 * 1024 * 1024;

interface Kept {
  readonly data: Uint8Array;
  readonly until: number;
  /** The batch in which it was sent; `Infinity`: it was not. */
  number: number;
}

/** What is kept for one node. */
interface KeptFor {
  tells: Kept[];
  /** What they take. */
  bytes: number;
}

/** What nodes tell each other apart from publications. What is to be kept is sent again when it may be lost. */
export class Tells {
  readonly #clock: Clock;
  readonly #kept = new Map<Peer, KeptFor>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @throws RealtimeError `unavailable` when too much is kept for the peer. */
  tell(peer: Peer, data: Uint8Array, keepMs: number | undefined): void {
    const number = this.#send(peer, data);
    if (keepMs === undefined) return;
    const kept = this.#kept.get(peer) ?? { tells: [], bytes: 0 };
    const bytes = kept.bytes + data.byteLength;
    if (bytes > MAX_KEPT_BYTES) throw unavailable(`tell: ${bytes} bytes would have to be kept for the node ${peer.node}, where at most ${MAX_KEPT_BYTES} are`);
    kept.bytes = bytes;
    kept.tells.push({ data, until: this.#clock.now() + keepMs, number: number ?? Infinity });
    this.#kept.set(peer, kept);
  }

  /** Sends again what the peer has not had. */
  refill(peer: Peer, received: number): void {
    const now = this.#clock.now();
    const kept = this.#kept.get(peer)?.tells.filter(({ number, until }) => number > received && until >= now) ?? [];
    for (const each of kept) each.number = this.#send(peer, each.data) ?? Infinity;
    this.#set(peer, kept);
  }

  tick(): void {
    const now = this.#clock.now();
    for (const [peer, kept] of this.#kept) {
      const { acknowledged } = peer.link;
      this.#set(
        peer,
        kept.tells.filter(({ number, until }) => number > acknowledged && until >= now),
      );
    }
  }

  forget(peer: Peer): void {
    this.#kept.delete(peer);
  }

  #send(peer: Peer, data: Uint8Array): number | undefined {
    const writer = peer.link.writer();
    if (writer === undefined) return undefined;
    writer.begin(messages.tell).rawBytes(data).end();
    return peer.link.wrote();
  }

  #set(peer: Peer, tells: Kept[]): void {
    if (tells.length > 0) this.#kept.set(peer, { tells, bytes: tells.reduce((sum, { data }) => sum + data.byteLength, 0) });
    else this.#kept.delete(peer);
  }
}
