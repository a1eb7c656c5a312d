import type { Clock } from "@upwire/core";
import type { BatchReader } from "./batch-reader.ts";
import { MalformedFrame } from "./batch-reader.ts";
import type { Inheritance } from "./home.ts";
import { messages } from "./frames.ts";
import type { Peer } from "./peer.ts";

/** One message of what is handed over. Bytes. */
const PART_BYTES = 512 * 1024;
/** How long the heir may take for each part: longer than a node that is silent is taken for alive. Milliseconds. */
const PART_MS = 5000;

/** Passes the histories of a home that closes to another node, which says when it has them. */
export class HandOver {
  /** This node closes: it takes no place any more. */
  isClosing = false;
  readonly #clock: Clock;
  /** What is coming from each peer. */
  readonly #coming = new Map<Peer, { readonly parts: Uint8Array[]; whole?: Inheritance }>();
  /** Called when the peer has everything, or has died. */
  readonly #waiting = new Map<Peer, (outcome: { readonly isDone: boolean }) => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Gives it to `peer`. @returns whether it has it. */
  async give({ histories, publishers }: Inheritance, peer: Peer): Promise<boolean> {
    const { link } = peer;
    for (let at = 0; at < histories.byteLength; at += PART_BYTES) {
      link
        .writer()
        ?.begin(messages.inheritance)
        .rawBytes(histories.subarray(at, at + PART_BYTES))
        .end();
      link.wrote();
      const { isDone } = await this.#within((done) => link.confirm(({ isReached }) => done({ isDone: isReached })));
      if (!isDone) return false;
    }
    link.writer()?.begin(messages.inherit).text(JSON.stringify(publishers)).end();
    link.wrote();
    const { isDone } = await this.#within((done) => {
      if (peer.isAlive) this.#waiting.set(peer, done);
      else done({ isDone: false });
    });
    this.#waiting.delete(peer);
    return isDone;
  }

  /** @returns whether this was a message of a hand-over. */
  message(peer: Peer, kind: number, reader: BatchReader): boolean {
    if (kind === messages.inheritance) {
      const coming = this.#coming.get(peer) ?? { parts: [] };
      // A copy: the frame that it came in is much longer than the last part.
      coming.parts.push(reader.rawBytes().slice());
      this.#coming.set(peer, coming);
    } else if (kind === messages.inherit) {
      if (this.isClosing) return true;
      this.#coming.set(peer, { parts: [], whole: { histories: Buffer.concat(this.#coming.get(peer)?.parts ?? []), publishers: publishersIn(reader.text()) } });
      peer.link.signal(messages.inherited);
    } else if (kind === messages.inherited) this.#waiting.get(peer)?.({ isDone: true });
    else return false;
    return true;
  }

  /** The peer has handed everything over, and has not said yet that this node takes its place. */
  has(peer: Peer | undefined): boolean {
    return peer !== undefined && this.#coming.get(peer)?.whole !== undefined;
  }

  /** What the peer has handed over, once. */
  take(peer: Peer | undefined): Inheritance | undefined {
    if (peer === undefined) return undefined;
    const whole = this.#coming.get(peer)?.whole;
    this.#coming.delete(peer);
    return whole;
  }

  /** The peer has died. */
  died(peer: Peer): void {
    this.#waiting.get(peer)?.({ isDone: false });
  }

  forget(peer: Peer): void {
    this.#coming.delete(peer);
  }

  #within(begin: (done: (outcome: { readonly isDone: boolean }) => void) => void): Promise<{ readonly isDone: boolean }> {
    return new Promise((resolve) => {
      const timer = this.#clock.after(PART_MS, () => resolve({ isDone: false }));
      begin((outcome) => {
        timer.cancel();
        resolve(outcome);
      });
    });
  }
}

function publishersIn(text: string): Inheritance["publishers"] {
  try {
    return JSON.parse(text) as Inheritance["publishers"];
  } catch (cause) {
    throw new MalformedFrame("an inheritance is malformed", { cause });
  }
}
