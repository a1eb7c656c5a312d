import type { Socket } from "node:net";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";

/** What happens to the bytes of one direction. All of it may be combined, and changed while bytes are under way. */
export interface LinkFaults {
  /** Time that each byte takes. Milliseconds. @default 0 */
  readonly delayMs?: number;
  /** @default no limit */
  readonly bytesPerSecond?: number;
  /** Bytes of each packet; 1 is one byte at a time. @default as they come */
  readonly packetBytes?: number;
  /** Nothing passes any more, not even the end: the peer has vanished. What waits comes when it is healed. @default false */
  readonly isCut?: boolean;
  /** Cuts by itself when so many more bytes have passed. */
  readonly cutAfterBytes?: number;
}

/** More than this waits in the sender's socket, as it would without us. */
const MAX_WAITING_BYTES = 256 * 1024;
/** A limited direction gets its share so often. */
const SHARE_MS = 5;

interface Packet {
  readonly bytes: Buffer;
  readonly dueAt: number;
}

/** One direction of a proxied connection. Bytes never overtake each other, whatever the faults. */
export class Link {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #clock: Clock;
  readonly #waiting: Packet[] = [];
  #waitingBytes = 0;
  #faults: LinkFaults = {};
  /** Bytes that may still pass before the link cuts itself. */
  #allowance = Number.POSITIVE_INFINITY;
  #isEnded = false;
  #isBusy = false;
  #timer: Timer | undefined;
  #passed = 0;
  #cutListeners: (() => void)[] = [];

  constructor(from: Socket, to: Socket, clock: Clock) {
    this.#from = from;
    this.#to = to;
    this.#clock = clock;
    from.on("data", (bytes: Buffer) => {
      this.#waiting.push({ bytes, dueAt: clock.now() + (this.#faults.delayMs ?? 0) });
      this.#waitingBytes += bytes.byteLength;
      this.#pump();
    });
    from.on("end", () => {
      this.#isEnded = true;
      this.#pump();
    });
    to.on("drain", () => this.#pump());
    to.on("close", () => this.#timer?.cancel());
  }

  /** Bytes that were handed on. */
  get passedBytes(): number {
    return this.#passed;
  }

  get isCut(): boolean {
    return this.#faults.isCut === true || this.#allowance <= 0;
  }

  /** Replaces the faults; `{}` heals the link. What waits already keeps its delay. */
  set(faults: LinkFaults): void {
    this.#faults = faults;
    this.#allowance = faults.cutAfterBytes ?? Number.POSITIVE_INFINITY;
    this.#pump();
  }

  /** Settles when the link is cut. */
  async cut(): Promise<void> {
    if (!this.isCut) await new Promise<void>((resolve) => this.#cutListeners.push(resolve));
  }

  #pump(): void {
    if (this.isCut) {
      for (const listener of this.#cutListeners.splice(0)) listener();
    }
    // A cut link reads nothing: the sender's own socket fills, and it does not learn of an end.
    if (this.isCut || this.#waitingBytes > MAX_WAITING_BYTES) this.#from.pause();
    else this.#from.resume();
    if (this.isCut || this.#isBusy || this.#to.destroyed || this.#to.writableNeedDrain) return;
    const [packet] = this.#waiting;
    if (packet === undefined) {
      if (this.#isEnded && !this.#to.writableEnded) this.#to.end();
      return;
    }
    const early = packet.dueAt - this.#clock.now();
    if (early > 0) return this.#later(early);
    this.#pass(packet);
  }

  #pass({ bytes, dueAt }: Packet): void {
    const { packetBytes, bytesPerSecond } = this.#faults;
    const share = bytesPerSecond === undefined ? bytes.byteLength : Math.max(1, Math.floor((bytesPerSecond * SHARE_MS) / 1000));
    const size = Math.min(bytes.byteLength, packetBytes ?? share, share, this.#allowance);
    this.#waiting.shift();
    if (size < bytes.byteLength) this.#waiting.unshift({ bytes: bytes.subarray(size), dueAt });
    this.#waitingBytes -= size;
    this.#allowance -= size;
    this.#passed += size;
    this.#to.write(bytes.subarray(0, size));
    if (bytesPerSecond !== undefined) return this.#later((size * 1000) / bytesPerSecond);
    if (packetBytes === undefined) return this.#pump();
    // The next one in a packet of its own.
    this.#isBusy = true;
    setImmediate(() => this.#goOn());
  }

  #later(ms: number): void {
    this.#isBusy = true;
    this.#timer = this.#clock.after(ms, () => this.#goOn());
  }

  #goOn(): void {
    this.#isBusy = false;
    this.#pump();
  }
}
