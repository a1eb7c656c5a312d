import { frameLength, Opcode, payloadOf } from "./frame.ts";
import { PreparedMessage } from "./prepared-message.ts";

/** A message that is kept as it is: it is long, or has a key and may be replaced. */
interface Single {
  /** Of a short one the bytes of its frame, one in each character: a `Buffer` for each would take many times as much. */
  message: PreparedMessage | string;
  readonly key: string | undefined;
}

/** Whole frames of short messages without a key, one behind the other: what one of them needs beside its bytes is nothing. */
interface Pack {
  block: Buffer;
  start: number;
  end: number;
}

/** What is shorter is packed. What is longer stays one for all that wait for it. */
const LONG_BYTES = 1024;
const FIRST_PACK_BYTES = 256;
/** So much of a pack may be read already and still be in memory. */
const MOST_PACK_BYTES = 16 * 1024;
/** Beside its frame and its key: what a message that may be replaced takes. */
const KEY_BYTES = 64;

/** Messages for a client that is behind, kept back from the socket so that they can still be dropped or replaced. */
export class Backlog {
  #items: (Single | Pack)[] = [];
  /** Those before it are gone. */
  #head = 0;
  #byKey: Map<string, Single> | undefined;
  #size = 0;
  #bytes = 0;
  #keyBytes = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What they count for in a queue: their frames, and what keeps those with a key apart. */
  get cost(): number {
    return this.#bytes + this.#keyBytes;
  }

  /** What one more would count for. */
  static costOf(message: PreparedMessage, key: string | undefined): number {
    return message.frameBytes + keyBytes(key);
  }

  /** Bytes of the waiting message with this key; 0 when there is none. */
  bytesOf(key: string): number {
    const single = this.#byKey?.get(key);
    return single === undefined ? 0 : bytesIn(single.message);
  }

  push(message: PreparedMessage, key: string | undefined): void {
    this.#size++;
    this.#bytes += message.frameBytes;
    if (key === undefined && message.frameBytes < LONG_BYTES) return this.#pack(message.frame());
    const single = { message: kept(message), key };
    this.#items.push(single);
    if (key === undefined) return;
    this.#keyBytes += keyBytes(key);
    this.#byKey ??= new Map();
    this.#byKey.set(key, single);
  }

  /** Puts `message` where the waiting one with this key is. At the end, a key that changes often would never come to the front. */
  replace(key: string, message: PreparedMessage): boolean {
    const single = this.#byKey?.get(key);
    if (single === undefined) return false;
    this.#bytes += message.frameBytes - bytesIn(single.message);
    single.message = kept(message);
    return true;
  }

  /** The one that has waited longest. */
  shift(): PreparedMessage | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    this.#size--;
    if ("block" in item) return this.#unpack(item);
    this.#drop();
    const { message, key } = item;
    this.#bytes -= bytesIn(message);
    this.#keyBytes -= keyBytes(key);
    if (key !== undefined && this.#byKey?.get(key) === item) this.#byKey.delete(key);
    return typeof message === "string" ? messageIn(Buffer.from(message, "latin1")) : message;
  }

  clear(): void {
    this.#items = [];
    this.#head = 0;
    this.#byKey = undefined;
    this.#size = 0;
    this.#bytes = 0;
    this.#keyBytes = 0;
  }

  #pack(frame: Buffer): void {
    const last = this.#items.at(-1);
    const hasRoom = last !== undefined && "block" in last && last.end + frame.byteLength <= MOST_PACK_BYTES;
    const pack = hasRoom ? last : { block: Buffer.allocUnsafeSlow(Math.max(FIRST_PACK_BYTES, frame.byteLength)), start: 0, end: 0 };
    if (!hasRoom) this.#items.push(pack);
    const end = pack.end + frame.byteLength;
    if (end > pack.block.byteLength) {
      const grown = Buffer.allocUnsafeSlow(Math.min(MOST_PACK_BYTES, Math.max(end, 2 * pack.block.byteLength)));
      pack.block.copy(grown, 0, 0, pack.end);
      pack.block = grown;
    }
    frame.copy(pack.block, pack.end);
    pack.end = end;
  }

  #unpack(pack: Pack): PreparedMessage {
    const { block, start } = pack;
    const short = (block[start + 1] ?? 0) & 0x7f;
    pack.start += frameLength(short < 126 ? short : block.readUInt16BE(start + 2));
    const message = messageIn(block.subarray(start, pack.start));
    this.#bytes -= message.frameBytes;
    if (pack.start === pack.end) this.#drop();
    return message;
  }

  /** Lets the first item go; the array is moved only when half of it is gone. */
  #drop(): void {
    this.#items[this.#head++] = GONE;
    if (this.#head === this.#items.length) this.#items = [];
    else if (this.#head < 64 || this.#head * 2 < this.#items.length) return;
    else this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }
}

const GONE: Single = Object.freeze({ message: "", key: undefined });

function keyBytes(key: string | undefined): number {
  return key === undefined ? 0 : KEY_BYTES + key.length;
}

function bytesIn(message: PreparedMessage | string): number {
  return typeof message === "string" ? message.length : message.frameBytes;
}

/** `message` in the form in which it takes least. */
function kept(message: PreparedMessage): PreparedMessage | string {
  if (message.frameBytes < LONG_BYTES) return message.frame().toString("latin1");
  message.keep();
  return message;
}

function messageIn(frame: Buffer): PreparedMessage {
  return new PreparedMessage(payloadOf(frame), { isBinary: ((frame[0] ?? 0) & 0x0f) === Opcode.binary });
}
