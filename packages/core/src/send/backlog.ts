import { frameLength, Opcode, payloadOf } from "../wire/frame.ts";
import { sizeOf } from "../wire/given-bytes.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";
import { PreparedMessage } from "../wire/prepared-message.ts";
import type { SendOptions } from "./sendable.ts";

/** A message that is kept by itself and not packed: it is long, or has a key, or its sender wants to be told when it is missed. */
export interface Entry {
  /** A short message is a string here, with a byte of its frame in each character: a `Buffer` would take many times as much memory. */
  message: PreparedMessage | string | Blob;
  readonly key: string | undefined;
  missed: Missed | undefined;
  mustArrive: boolean;
}

/** Whole frames of short messages, one behind the other, for which nothing else has to be kept. */
interface Pack {
  block: Buffer;
  start: number;
  end: number;
}

/** A message that has left the backlog. */
export interface Taken {
  readonly message: PreparedMessage;
  readonly missed: Missed | undefined;
}

/** Shorter frames are packed. A longer one stays the same object for all connections that wait for it. Bytes. */
const LONG_BYTES = 1024;
const FIRST_PACK_BYTES = 256;
/** Longest pack: a pack stays in memory until its last frame has left. */
const MOST_PACK_BYTES = 16 * 1024;
/** What a message that is not packed takes beside its frame and its key. Bytes. */
const KEY_BYTES = 64;
/** What a Blob counts for beside its bytes: otherwise many empty ones would count for nothing. */
const BLOB_BYTES = 512;

/** Messages that wait in their order, and can still be taken back since the socket has not been given them. */
export class Backlog {
  #items: (Entry | Pack)[] = [];
  /** Position of the first item that is not gone. */
  #head = 0;
  #holes = 0;
  /** No item before this position may be taken back. */
  #droppable = 0;
  #byKey: Map<string, Entry> | undefined;
  #size = 0;
  #blobs = 0;
  #bytes = 0;
  #extraBytes = 0;

  get size(): number {
    return this.#size;
  }

  /** Whether any of them is a Blob that has not been read. */
  get hasBlobs(): boolean {
    return this.#blobs > 0;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** What they count for in a queue: their frames, and what is kept for some of them beside the frame. */
  get cost(): number {
    return this.#bytes + this.#extraBytes;
  }

  /** What one more message would count for. */
  static costOf(message: PreparedMessage | Blob, options: SendOptions | undefined): number {
    return options === undefined && !(message instanceof Blob) ? message.frameBytes : costOf(entryOf(message, options));
  }

  /** How much room there is when `entry` goes. */
  static freedBy(entry: Entry): number {
    return costOf(entry);
  }

  /** The bytes of the frame of the first message. */
  get firstBytes(): number {
    const item = this.#items[this.#head];
    if (item === undefined) return 0;
    return "block" in item ? packedBytes(item) : bytesIn(item.message);
  }

  /** The first message, when it is a Blob that has not been read. */
  get firstBlob(): Entry | undefined {
    const item = this.#items[this.#head];
    return item !== undefined && "message" in item && item.message instanceof Blob ? item : undefined;
  }

  /** The waiting message with this key, if another one may replace it. */
  latest(key: string): Entry | undefined {
    const entry = this.#byKey?.get(key);
    return entry?.mustArrive === true ? undefined : entry;
  }

  push(message: PreparedMessage | Blob, options: SendOptions | undefined): void {
    const entry = entryOf(message, options);
    const { key } = entry;
    this.#size++;
    this.#bytes += bytesIn(message);
    if (message instanceof Blob) {
      this.#blobs++;
    } else {
      if (message.frameBytes < LONG_BYTES && extraBytes(entry) === 0) return this.#pack(message.frame());
      entry.message = kept(message);
    }
    this.#items.push(entry);
    this.#extraBytes += extraBytes(entry);
    if (key === undefined) return;
    this.#byKey ??= new Map();
    this.#byKey.set(key, entry);
  }

  /** A Blob has been read: its message is here now. */
  fill(entry: Entry, message: PreparedMessage): void {
    this.#bytes -= bytesIn(entry.message);
    this.#extraBytes -= extraBytes(entry);
    if (entry.message instanceof Blob) this.#blobs--;
    entry.message = kept(message);
    this.#bytes += message.frameBytes;
    this.#extraBytes += extraBytes(entry);
  }

  /**
   * Puts `message` in the place of `entry`: at the end of the queue, a key that changes often would never leave.
   * @returns what the application wants called for the message that was replaced.
   */
  replace(entry: Entry, message: PreparedMessage, options: SendOptions | undefined): Missed | undefined {
    const { missed } = entry;
    this.fill(entry, message);
    this.#extraBytes -= extraBytes(entry);
    entry.missed = options?.missed;
    entry.mustArrive = options?.mustArrive === true;
    this.#extraBytes += extraBytes(entry);
    return missed;
  }

  /** Takes out the message that has waited longest. A Blob must have been filled before. */
  shift(): Taken | undefined {
    const item = this.#items[this.#head];
    if (item === undefined) return undefined;
    if ("block" in item) {
      const message = messageIn(this.#unpack(item, this.#head));
      return { message, missed: undefined };
    }
    this.#remove(item, this.#head);
    return { message: messageOf(item.message), missed: item.missed };
  }

  /** Throws away the oldest message that may be taken back. @returns what it was, or `undefined` when there is none. */
  drop(): { readonly missed: Missed | undefined } | undefined {
    for (this.#droppable = Math.max(this.#head, this.#droppable); this.#droppable < this.#items.length; this.#droppable++) {
      const item = this.#items[this.#droppable] as Entry | Pack;
      if (item === GONE) continue;
      if ("block" in item) {
        this.#unpack(item, this.#droppable);
        return NOT_TOLD;
      }
      if (item.mustArrive) continue;
      this.#remove(item, this.#droppable);
      return item;
    }
    return undefined;
  }

  /** Throws all away. Adds to `all` what the application wants called. */
  clearInto(all: Missed[]): void {
    for (const item of this.#items) if (item !== undefined && "missed" in item && item.missed !== undefined) all.push(item.missed);
    this.#items = [];
    this.#head = 0;
    this.#holes = 0;
    this.#droppable = 0;
    this.#byKey = undefined;
    this.#size = 0;
    this.#blobs = 0;
    this.#bytes = 0;
    this.#extraBytes = 0;
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

  /** Takes the first frame out of `pack`. */
  #unpack(pack: Pack, at: number): Buffer {
    const { block, start } = pack;
    const bytes = packedBytes(pack);
    pack.start += bytes;
    this.#size--;
    this.#bytes -= bytes;
    if (pack.start === pack.end) this.#gone(at);
    return block.subarray(start, start + bytes);
  }

  #remove(entry: Entry, at: number): void {
    const { key, message } = entry;
    this.#size--;
    if (message instanceof Blob) this.#blobs--;
    this.#bytes -= bytesIn(message);
    this.#extraBytes -= extraBytes(entry);
    if (key !== undefined && this.#byKey?.get(key) === entry) this.#byKey.delete(key);
    this.#gone(at);
  }

  /** Marks an item as gone. The array is rebuilt only when half of it is. */
  #gone(at: number): void {
    const items = this.#items;
    items[at] = GONE;
    this.#holes++;
    while (items[this.#head] === GONE) this.#head++;
    if (this.#head < items.length && (this.#holes < 64 || this.#holes * 2 < items.length)) return;
    this.#items = items.filter((item) => item !== GONE);
    // The first item that may be taken back.
    this.#droppable = this.#items.findIndex((item) => "block" in item || !item.mustArrive);
    if (this.#droppable < 0) this.#droppable = this.#items.length;
    this.#head = 0;
    this.#holes = 0;
  }
}

const GONE: Entry = Object.freeze({ message: "", key: undefined, missed: undefined, mustArrive: true });
const NOT_TOLD: { readonly missed: undefined } = Object.freeze({ missed: undefined });

function entryOf(message: PreparedMessage | Blob, options: SendOptions | undefined): Entry {
  const key = message instanceof Blob ? undefined : options?.key;
  return { message, key, missed: options?.missed, mustArrive: options?.mustArrive === true };
}

function costOf(entry: Entry): number {
  return bytesIn(entry.message) + extraBytes(entry);
}

/** What is kept beside its frame. Bytes. */
function extraBytes({ message, key, missed, mustArrive }: Entry): number {
  const own = message instanceof Blob ? BLOB_BYTES : key !== undefined ? KEY_BYTES + key.length : mustArrive ? KEY_BYTES : 0;
  return own + (missed === undefined ? 0 : MISSED_BYTES);
}

function bytesIn(message: PreparedMessage | string | Blob): number {
  if (typeof message === "string") return message.length;
  return message instanceof Blob ? sizeOf(message) : message.frameBytes;
}

function packedBytes({ block, start }: Pack): number {
  const short = (block[start + 1] ?? 0) & 0x7f;
  return frameLength(short < 126 ? short : block.readUInt16BE(start + 2));
}

/** `message` in the form that takes least memory. */
function kept(message: PreparedMessage): PreparedMessage | string {
  if (message.frameBytes < LONG_BYTES) return message.frame().toString("latin1");
  message.keep();
  return message;
}

function messageOf(message: PreparedMessage | string | Blob): PreparedMessage {
  if (message instanceof Blob) throw new Error("a Blob is read before it leaves");
  return typeof message === "string" ? messageIn(Buffer.from(message, "latin1")) : message;
}

function messageIn(frame: Buffer): PreparedMessage {
  return new PreparedMessage(payloadOf(frame), { isBinary: ((frame[0] ?? 0) & 0x0f) === Opcode.binary });
}
