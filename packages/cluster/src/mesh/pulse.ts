import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Peer } from "./peer.ts";

/** How often each node says that it lives, and looks for others. Milliseconds. */
const TICK_MS = 1000;
/** A node that has been silent for so many ticks is taken for dead. */
const DEAD_TICKS = 4;
/** A node that finds its own ticks so late may have been taken for dead: less than the others wait. Milliseconds. */
const LATE_MS = 2500;

export interface PulseOptions {
  readonly clock: Clock;
  readonly peers: ReadonlyMap<string, Peer>;
  /** This node may have been taken for dead, since its process stood still. */
  readonly late: () => void;
  readonly tick: (now: number) => void;
  /** The peer has been silent for too long. */
  readonly silent: (peer: Peer) => void;
}

/**
 * Says each second that this node lives, and listens for the others. A node that is taken for dead finds that out by itself: it was silent for
 * three seconds at least (four ticks, each of them a second or more after the one before, and the sockets were looked at after the
 * last one), and a node that was silent for 2.5 s is late by its next tick, and before anything that asks `isInTime`.
 */
export class Pulse {
  readonly #options: PulseOptions;
  #ticks: Timer | undefined;
  #tickedAt = 0;
  #hasTurned = true;

  constructor(options: PulseOptions) {
    this.#options = options;
  }

  /** Its ticks come in time. */
  get isInTime(): boolean {
    return this.#options.clock.now() - this.#tickedAt < LATE_MS;
  }

  start(): void {
    const { clock } = this.#options;
    this.#tickedAt = clock.now();
    this.#ticks = clock.every(TICK_MS, () => this.#tick());
  }

  stop(): void {
    this.#ticks?.cancel();
  }

  #tick(): void {
    const { clock, peers, late, tick } = this.#options;
    const now = clock.now();
    for (const { link } of peers.values()) link.beat();
    // From before the last beat until after this one: the others have heard no longer silence than that.
    if (!this.isInTime) late();
    this.#tickedAt = now;
    // A tick counts only if the sockets were looked at since the last one: after a standstill the answers lie there unread.
    if (!this.#hasTurned) return;
    this.#hasTurned = false;
    setImmediate(() => this.#turned());
    for (const { isAlive, link } of peers.values()) if (isAlive) link.missed++;
    tick(now);
  }

  /** The sockets were looked at since the last tick: the nodes that are silent still have ended, or stand still. */
  #turned(): void {
    const { peers, silent } = this.#options;
    this.#hasTurned = true;
    for (const peer of peers.values()) if (peer.isAlive && peer.link.missed >= DEAD_TICKS) silent(peer);
  }
}
