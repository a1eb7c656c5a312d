import { frameLength, Opcode, writeHeader } from "../wire/frame.ts";
import type { Message } from "../wire/message.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";

const EMPTY = Buffer.alloc(0);
/** Room for the second and further frames of a turn, when nothing is known of the last one. */
const FIRST_BYTES = 1024;
/** Most room that is taken because of the last turn: it counts for nothing in a queue until frames are in it. */
const MOST_BYTES = 16 * 1024;

/** Frames for one client alone, each written behind the one before into one block: the replies of one turn. */
export class OwnFrames {
  /** Length of all that wait. */
  bytes = 0;
  /** How many wait. */
  frames = 0;
  #missed: Missed[] | undefined;
  #block = EMPTY;
  /** Of the block, when it has room for many. */
  #view: DataView | undefined;
  /** What they took the last time, if they were many. */
  #usualBytes = 0;

  /** What they take with what is kept beside their bytes. */
  get cost(): number {
    return this.#missed === undefined ? this.bytes : this.bytes + this.#missed.length * MISSED_BYTES;
  }

  /** Who wants to be told when these frames are thrown away; ask for it before `take`. */
  get missed(): readonly Missed[] | undefined {
    return this.#missed;
  }

  /** The frame that was added last belongs to a message whose sender wants to be told when it is thrown away. */
  tell(missed: Missed): void {
    this.#missed ??= [];
    this.#missed.push(missed);
  }

  addText(text: string, payloadBytes: number): void {
    const at = this.#reserve(frameLength(payloadBytes));
    this.#block.write(text, writeHeader(this.#block, at, Opcode.text, payloadBytes), "utf8");
  }

  addMessage(message: Message): void {
    const { byteLength } = message;
    const at = this.#reserve(frameLength(byteLength));
    const start = writeHeader(this.#block, at, message.isBinary ? Opcode.binary : Opcode.text, byteLength);
    message.copyTo(this.#block, start, this.#view);
  }

  addBytes(payload: Uint8Array): void {
    const { byteLength } = payload;
    const at = this.#reserve(frameLength(byteLength));
    this.#block.set(payload, writeHeader(this.#block, at, Opcode.binary, byteLength));
  }

  addFrame(frame: Buffer): void {
    const at = this.#reserve(frame.byteLength);
    frame.copy(this.#block, at);
  }

  /** The same as `take`, in a block without room for more. */
  takeExact(): Buffer {
    const bytes = this.take();
    if (bytes.buffer.byteLength === bytes.byteLength) return bytes;
    const exact = Buffer.allocUnsafeSlow(bytes.byteLength);
    bytes.copy(exact);
    return exact;
  }

  /** All of them, and an empty block. */
  take(): Buffer {
    const block = this.#block;
    const { bytes } = this;
    this.#usualBytes = this.frames > 1 ? Math.min(bytes, MOST_BYTES) : 0;
    this.#block = EMPTY;
    this.#view = undefined;
    this.#missed = undefined;
    this.bytes = 0;
    this.frames = 0;
    return bytes === block.byteLength ? block : block.subarray(0, bytes);
  }

  /** @returns where the next frame begins. */
  #reserve(bytes: number): number {
    const at = this.bytes;
    const needed = at + bytes;
    if (needed > this.#block.byteLength) this.#grow(needed);
    this.bytes = needed;
    this.frames++;
    return at;
  }

  #grow(needed: number): void {
    const before = this.#block;
    if (this.bytes === 0 && this.#usualBytes <= needed) {
      // It will probably be the only one.
      this.#block = Buffer.allocUnsafe(needed);
      return;
    }
    // Not from the pool, which a slow client would pin.
    this.#block = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes, this.#usualBytes, this.bytes === 0 ? 0 : FIRST_BYTES));
    this.#view = new DataView(this.#block.buffer);
    before.copy(this.#block, 0, 0, this.bytes);
  }
}
