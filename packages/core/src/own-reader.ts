import { isUtf8 } from "node:buffer";
import { readCloseFrame } from "./close-frame.ts";
import { maxDeflatedBytes } from "./compression.ts";
import { ConnectionError, type ClosureCode } from "./errors.ts";
import { MAX_CONTROL_BYTES, Opcode } from "./frame.ts";
import type { FrameReader, FrameSink, ReaderLimits } from "./frame-reader.ts";
import { Inflater } from "./inflater.ts";
import { unmask } from "./mask.ts";
import { Message } from "./message.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { checkUtf8 } from "./utf8.ts";
import type { Postponed, WorkBudget } from "./work-budget.ts";

/** What the next byte is. The numbers are only names. */
const State = { first: 0, second: 1, length: 2, mask: 3, payload: 4, over: 5 } as const;

/** The 64-bit length is held in a double, exact up to here; limits end far below. */
const MAX_HIGH_WORD = 0x1fffff;

/** First bytes of a message in one frame, without reserved bits. */
const WHOLE_TEXT = 0x80 | Opcode.text;
const WHOLE_BINARY = 0x80 | Opcode.binary;

/** Reads RFC 6455 frames: named states and a loop, every fault found at the byte that makes it. */
export class OwnReader implements FrameReader, Postponed {
  partialSince = 0;
  readonly #sink: FrameSink;
  readonly #limits: ReaderLimits;
  readonly #inflater: Inflater | undefined;
  readonly #now: () => number;

  #state: number = State.first;
  /** What came while paused. */
  #rest: Buffer | undefined;
  /** Of the bytes that are read now. */
  #view: DataView | undefined;
  #isPaused = false;
  #isReading = false;
  /** It waits for a later turn, which may inflate again. */
  #isPostponed = false;

  // The frame that is being read.
  #fin = false;
  #opcode = 0;
  #length = 0;
  #isLong = false;
  /** Bytes of the length or the mask that are still to come. */
  #missing = 0;
  #mask = 0;
  /** Bytes of the payload that came. */
  #position = 0;

  // The message that it is a part of; 0 when there is none.
  #messageOpcode = 0;
  #isCompressed = false;
  #fragments = 0;
  /** How far the message was checked. */
  #checked = 0;
  readonly #message = new MessageBuffer();
  #control: MessageBuffer | undefined;

  /** @param inflates Whether permessage-deflate was agreed, without context takeover by the client. @param budget Of inflating. */
  constructor(sink: FrameSink, limits: ReaderLimits, inflates: boolean, now: () => number, budget?: WorkBudget) {
    this.#sink = sink;
    this.#limits = limits;
    this.#inflater = inflates ? new Inflater(limits.maxMessageBytes, budget) : undefined;
    this.#now = now;
  }

  read(chunk: Buffer): boolean {
    if (this.#state === State.over) return true;
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isPostponed) this.#readOn();
    return this.#rest === undefined;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#rest === undefined || this.#isReading || this.#isPostponed) return;
    this.#readOn();
    if (this.#rest === undefined) this.#sink.onReady();
  }

  goOn(): void {
    this.#isPostponed = false;
    // The time for which it waited was ours, not the client's.
    if (this.partialSince !== 0) this.partialSince = this.#now();
    if (!this.#isPaused) this.resume();
  }

  release(): void {
    this.#state = State.over;
    this.#rest = undefined;
  }

  #readOn(): void {
    const chunk = this.#rest as Buffer;
    this.#isReading = true;
    const inflater = this.#inflater;
    inflater?.beginRead();
    let at = 0;
    while (at < chunk.byteLength && this.#state !== State.over && !this.#isPaused) {
      if (inflater !== undefined && this.#mustWait(inflater, chunk[at] as number)) break;
      const from = at;
      if (this.#state === State.first) at = this.#readWhole(chunk, at);
      if (at > from) continue;
      at = this.#state === State.payload ? this.#readPayload(chunk, at) : this.#readHeader(chunk[at] as number, at + 1);
      // A frame without a payload is complete at the end of its header.
      if (this.#state === State.payload && this.#position === this.#length) this.#endFrame();
    }
    this.#isReading = false;
    this.#view = undefined;
    this.#rest = at < chunk.byteLength && this.#state !== State.over ? chunk.subarray(at) : undefined;
  }

  /** Whether a message has to wait for a later turn, at the byte that comes next. Control frames never do. */
  #mustWait(inflater: Inflater, byte: number): boolean {
    const isFirst = this.#state === State.first;
    if ((isFirst ? byte & 0x0f : this.#opcode) >= Opcode.close) return false;
    const isCompressed = isFirst && this.#messageOpcode === 0 ? (byte & 0x40) !== 0 : this.#isCompressed;
    return (this.#isPostponed = inflater.postpones(this, isCompressed));
  }

  /**
   * A message of one frame that is all here and not compressed, as most are: unmasked where it lies, without a copy. It
   * passes every test that the states make.
   * @returns the position behind it, or `at` when the states have to look.
   */
  #readWhole(chunk: Buffer, at: number): number {
    const first = chunk[at];
    if ((first !== WHOLE_TEXT && first !== WHOLE_BINARY) || this.#messageOpcode !== 0 || chunk.byteLength - at < 6) return at;
    const second = chunk[at + 1] as number;
    let length = second & 0x7f;
    let start = at + 6;
    if (length >= 126) {
      if (length === 127 || chunk.readUInt16BE(at + 2) < 126) return at;
      length = chunk.readUInt16BE(at + 2);
      start += 2;
    }
    const end = start + length;
    if (second < 0x80 || end > chunk.byteLength || length > this.#limits.maxMessageBytes) return at;
    this.#view ??= new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const isAscii = unmask(this.#view, start, end);
    if (first === WHOLE_TEXT && !isAscii && !isUtf8(chunk.subarray(start, end))) this.#fault("ERR_UTF8");
    else this.#sink.onMessage(new Message(chunk, first === WHOLE_BINARY, start, end, this.#view));
    return end;
  }

  /** @returns the position of the next byte. */
  #readHeader(byte: number, next: number): number {
    if (this.#state === State.first) this.#readFirst(byte);
    else if (this.#state === State.second) this.#readSecond(byte);
    else if (this.#state === State.length) this.#readLength(byte);
    else this.#readMask(byte);
    return next;
  }

  #readFirst(byte: number): void {
    if (this.partialSince === 0) this.partialSince = this.#now();
    const opcode = byte & 0x0f;
    const rsv1 = (byte & 0x40) !== 0;
    this.#fin = (byte & 0x80) !== 0;
    this.#opcode = opcode;
    // RFC 6455 §5.2: reserved bits are for extensions, and ours has the first one, on the first frame (RFC 7692 §6).
    if ((byte & 0x30) !== 0) return this.#fault("ERR_PROTOCOL");
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong || !this.#fin || rsv1) return this.#fault("ERR_PROTOCOL");
    } else if (opcode === Opcode.continuation) {
      if (this.#messageOpcode === 0 || rsv1) return this.#fault("ERR_PROTOCOL");
      if (++this.#fragments > this.#limits.maxFragments) return this.#fault("ERR_TOO_MANY_FRAGMENTS");
    } else {
      if (opcode > Opcode.binary || this.#messageOpcode !== 0) return this.#fault("ERR_PROTOCOL");
      if (rsv1 && this.#inflater === undefined) return this.#fault("ERR_PROTOCOL");
      this.#messageOpcode = opcode;
      this.#isCompressed = rsv1;
      this.#fragments = 1;
      this.#checked = 0;
      this.#inflater?.beginMessage();
    }
    this.#state = State.second;
  }

  #readSecond(byte: number): void {
    // RFC 6455 §5.1: a client masks every frame.
    if ((byte & 0x80) === 0) return this.#fault("ERR_PROTOCOL");
    const length = byte & 0x7f;
    if (this.#opcode >= Opcode.close && length > MAX_CONTROL_BYTES) return this.#fault("ERR_PROTOCOL");
    this.#length = 0;
    this.#isLong = length === 127;
    this.#missing = this.#isLong ? 8 : 2;
    if (length >= 126) this.#state = State.length;
    else this.#beginMask(length);
  }

  #readLength(byte: number): void {
    // RFC 6455 §5.2: the most significant bit of the 64-bit form is 0.
    if (this.#missing === 8 && byte >= 0x80) return this.#fault("ERR_PROTOCOL");
    this.#length = this.#length * 256 + byte;
    this.#missing--;
    if (this.#isLong && this.#missing === 4 && this.#length > MAX_HIGH_WORD) return this.#fault("ERR_MESSAGE_TOO_BIG");
    if (this.#missing > 0) return;
    // And the shortest form must be used.
    if (this.#length < (this.#isLong ? 0x10000 : 126)) return this.#fault("ERR_PROTOCOL");
    this.#beginMask(this.#length);
  }

  #beginMask(length: number): void {
    this.#length = length;
    const isData = this.#opcode < Opcode.close;
    const { maxMessageBytes } = this.#limits;
    const maxBytes = this.#isCompressed ? maxDeflatedBytes(maxMessageBytes) : maxMessageBytes;
    if (isData && this.#message.length + length > maxBytes) return this.#fault("ERR_MESSAGE_TOO_BIG");
    this.#mask = 0;
    this.#missing = 4;
    this.#state = State.mask;
  }

  #readMask(byte: number): void {
    this.#mask = (this.#mask << 8) | byte;
    if (--this.#missing > 0) return;
    this.#position = 0;
    this.#state = State.payload;
  }

  #readPayload(chunk: Buffer, at: number): number {
    const left = this.#length - this.#position;
    const here = Math.min(left, chunk.byteLength - at);
    const isControl = this.#opcode >= Opcode.close;
    const into = isControl ? (this.#control ??= new MessageBuffer()) : this.#message;
    into.reserve(left, here);
    into.append(chunk, at, at + here, this.#mask, this.#position);
    this.#position += here;
    if (isControl) return at + here;
    const isComplete = this.#fin && here === left;
    const isText = this.#messageOpcode === Opcode.text;
    const fault = this.#isCompressed && !isComplete ? this.#inflater?.probe(this.#message, isText) : undefined;
    if (fault !== undefined) this.#fault(fault);
    if (isText && !this.#isCompressed) this.#checkText(isComplete);
    return at + here;
  }

  #checkText(isComplete: boolean): void {
    const { bytes, length } = this.#message;
    this.#checked = checkUtf8(bytes, this.#checked, length, isComplete);
    if (this.#checked < 0) this.#fault("ERR_UTF8");
  }

  #endFrame(): void {
    this.#state = State.first;
    if (this.#opcode >= Opcode.close) {
      this.#endControl(this.#control?.take() ?? Buffer.alloc(0));
    } else if (this.#fin) {
      this.#endMessage();
    }
  }

  #endControl(data: Buffer): void {
    if (this.#messageOpcode === 0) this.partialSince = 0;
    if (this.#opcode === Opcode.ping) return this.#sink.onPing(data);
    if (this.#opcode === Opcode.pong) return this.#sink.onPong(data);
    const close = readCloseFrame(data);
    if (typeof close === "string") return this.#fault(close);
    this.#over();
    this.#sink.onClose(close.code, close.reason);
  }

  #endMessage(): void {
    const isText = this.#messageOpcode === Opcode.text;
    const raw = this.#message.take();
    this.#messageOpcode = 0;
    this.partialSince = 0;
    if (!this.#isCompressed) {
      // The last fragment may be empty, and then nothing has asked whether the text ends in the middle of a letter.
      if (isText && this.#checked !== raw.byteLength) return this.#fault("ERR_UTF8");
      return this.#sink.onMessage(new Message(raw, !isText));
    }
    const bytes = (this.#inflater as Inflater).whole(raw);
    if (typeof bytes === "string") return this.#fault(bytes);
    if (isText && !isUtf8(bytes)) return this.#fault("ERR_UTF8");
    this.#sink.onMessage(new Message(bytes, !isText));
  }

  #fault(code: ClosureCode): void {
    this.#over();
    this.#sink.onFault(new ConnectionError(code));
  }

  #over(): void {
    this.#state = State.over;
    this.partialSince = 0;
    this.#message.take();
  }
}
