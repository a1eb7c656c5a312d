import { frameLength, Opcode, writeHeader } from "../wire/frame.ts";
import { byteLengthOf } from "../wire/given-bytes.ts";
import type { Message } from "../wire/message.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";

// For answers to one client. A client that sends 32 requests at once gets 32 short replies in the same turn: instead of a buffer and
// a queue entry for each, every reply is encoded straight into one block, behind the one before, and that block is what is written.
// A block starts as large as the replies of the last turn were together, so that as a rule it never grows. With 32 messages in
// flight an echo by `ws`, which writes each reply by itself, takes 19 times the CPU; bare `net`, joined too, still takes 1.7 times.

const EMPTY = Buffer.alloc(0);
/** Room for the second and further frames of a turn, when the last turn had at most one. */
const FIRST_BYTES = 1024;
/** Most room that is taken in advance, because the last turn needed it: no queue limit counts it before frames are in it. */
const MOST_BYTES = 16 * 1024;

/** Frames for one client alone, in one block: the replies of one turn. */
export class OwnFrames {
  /** Length of all frames in it. */
  bytes = 0;
  /** How many they are. */
  frames = 0;
  #missed: Missed[] | undefined;
  #block = EMPTY;
  /** On the block, when that has room for more than one frame. */
  #view: DataView | undefined;
  /** Length of all frames of the last turn, if they were more than one. */
  #usualBytes = 0;

  /** What they count for in a queue: `bytes`, and what is kept beside them. */
  get cost(): number {
    return this.#missed === undefined ? this.bytes : this.bytes + this.#missed.length * MISSED_BYTES;
  }

  /** What the application wants called when these frames are thrown away; `take` forgets it. */
  get missed(): readonly Missed[] | undefined {
    return this.#missed;
  }

  /** Adds what the application wants called when the frame that was added last is thrown away. */
  tell(missed: Missed): void {
    this.#missed ??= [];
    this.#missed.push(missed);
  }

  addText(text: string, payloadBytes: number): void {
    const end = this.#reserve(frameLength(payloadBytes));
    this.#block.write(text, writeHeader(this.#block, this.bytes, Opcode.text, payloadBytes), "utf8");
    this.#added(end);
  }

  addMessage(message: Message): void {
    const { byteLength } = message;
    const end = this.#reserve(frameLength(byteLength));
    const start = writeHeader(this.#block, this.bytes, message.isBinary ? Opcode.binary : Opcode.text, byteLength);
    message.copyTo(this.#block, start, this.#view);
    this.#added(end);
  }

  addBytes(payload: Uint8Array): void {
    const byteLength = byteLengthOf(payload);
    const end = this.#reserve(frameLength(byteLength));
    this.#block.set(payload, writeHeader(this.#block, this.bytes, Opcode.binary, byteLength));
    this.#added(end);
  }

  addFrame(frame: Buffer): void {
    const end = this.#reserve(frame.byteLength);
    frame.copy(this.#block, this.bytes);
    this.#added(end);
  }

  /** The same as `take`, in a block of exactly their length: it may be kept for long. */
  takeExact(): Buffer {
    const bytes = this.take();
    if (bytes.buffer.byteLength === bytes.byteLength) return bytes;
    const exact = Buffer.allocUnsafeSlow(bytes.byteLength);
    bytes.copy(exact);
    return exact;
  }

  /** All frames; from here on the block is empty. */
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

  /** Makes room for a frame behind the others. @returns where it ends; it counts only after `#added`. */
  #reserve(bytes: number): number {
    const end = this.bytes + bytes;
    if (end > this.#block.byteLength) this.#grow(end);
    return end;
  }

  /** All of a frame is there. A copy that throws leaves no half of one, with other memory in the place of its bytes. */
  #added(end: number): void {
    this.bytes = end;
    this.frames++;
  }

  #grow(needed: number): void {
    const before = this.#block;
    if (this.bytes === 0 && this.#usualBytes <= needed) {
      // Probably the only frame of this turn.
      this.#block = Buffer.allocUnsafe(needed);
      return;
    }
    // Not from Node's pool: while a slow client keeps these bytes, all 8 KiB of the pool's block would stay in memory.
    this.#block = Buffer.allocUnsafeSlow(Math.max(needed, 2 * this.bytes, this.#usualBytes, this.bytes === 0 ? 0 : FIRST_BYTES));
    this.#view = new DataView(this.#block.buffer);
    before.copy(this.#block, 0, 0, this.bytes);
  }
}
