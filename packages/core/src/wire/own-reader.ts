import { isUtf8 } from "node:buffer";
import type { Assembler } from "./assembler.ts";
import { MAX_CONTROL_BYTES } from "../base/close-code.ts";
import { readCloseFrame } from "./close-frame.ts";
import { peerError, type ClosureCode } from "../base/errors.ts";
import { Opcode } from "./frame.ts";
import type { FrameReader, FrameSink, ReaderLimits, Streaming } from "./frame-reader.ts";
import { Inflater } from "./inflater.ts";
import { unmask } from "./mask.ts";
import { Message } from "./message.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { StreamAssembler, type StreamHost } from "./stream-assembler.ts";
import { WHOLE_BINARY, wholeFrameLength } from "./whole-frame.ts";
import { WholeAssembler } from "./whole-assembler.ts";
import type { WorkBudget } from "./work-budget.ts";

/** What the next byte is. The numbers are only names. */
const State = { first: 0, second: 1, length: 2, mask: 3, payload: 4, over: 5 } as const;

const MAX_HIGH_WORD = 0x1fffff; // The 64-bit length is held in a double, exact up to here; limits end far below.

/**
 * Reads RFC 6455 frames: named states and a loop, every fault found at the byte that makes it. What becomes of the data
 * frames is up to an `Assembler`; a message in one frame that is all here needs none.
 */
export class OwnReader implements FrameReader, StreamHost {
  partialSince = 0;
  readonly #sink: FrameSink;
  readonly #limits: ReaderLimits;
  readonly #inflates: boolean;
  /** Of whole messages. */
  readonly #inflater: Inflater | undefined;
  readonly #streams: StreamAssembler | undefined;
  /** Of whole messages; made when one comes that is not all here in one frame. */
  #whole: WholeAssembler | undefined;
  readonly #now: () => number;

  #state: number = State.first;
  /** What came while paused. */
  #rest: Buffer | undefined;
  /** Of the bytes that are read now. */
  #view: DataView | undefined;
  #isPaused = false;
  #isReading = false;
  /** It waits for a later turn, which may inflate again, or until a stream has room. */
  #isPostponed = false;
  /** `read` said no, and `onReady` has to follow. */
  #owesReady = false;

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

  /** Of the message that it is a part of; 0 when there is none. */
  #messageOpcode = 0;
  #control: MessageBuffer | undefined;

  /** @param inflates Whether permessage-deflate was agreed, without context takeover by the client. @param streaming Unless given, messages come whole. */
  constructor(sink: FrameSink, limits: ReaderLimits, inflates: boolean, now: () => number, budget?: WorkBudget, streaming?: Streaming) {
    this.#sink = sink;
    this.#limits = limits;
    this.#inflates = inflates;
    this.#inflater = inflates && streaming === undefined ? new Inflater(limits.maxMessageBytes, budget) : undefined;
    this.#streams = streaming && new StreamAssembler(this, streaming.sink, { maxBytes: streaming.maxBytes, budget });
    this.#now = now;
  }

  read(chunk: Buffer): boolean {
    if (this.#state === State.over) return true;
    this.#rest = this.#rest === undefined ? chunk : Buffer.concat([this.#rest, chunk]);
    if (!this.#isPostponed) this.#readOn();
    this.#owesReady = this.#rest !== undefined || this.#isPostponed;
    return !this.#owesReady;
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
    if (this.#isReading || this.#isPostponed || this.#state === State.over) return;
    if (this.#rest !== undefined) this.#readOn();
    if (!this.#owesReady || this.#rest !== undefined || this.#isPostponed) return;
    this.#owesReady = false;
    this.#sink.onReady();
  }

  goOn(): void {
    this.#isPostponed = false;
    // The time for which it waited was ours, not the client's.
    if (this.partialSince !== 0) this.partialSince = this.#now();
    if (!this.#isPaused) this.resume();
  }

  fault(code: ClosureCode): void {
    if (this.#state === State.over) return;
    this.release();
    this.#sink.onFault(peerError(code));
  }

  #readOn(): void {
    const chunk = this.#rest as Buffer;
    this.#isReading = true;
    const inflater = this.#inflater;
    const streams = this.#streams;
    const mayWait = inflater !== undefined || streams !== undefined;
    inflater?.beginRead();
    let at = 0;
    while (at < chunk.byteLength && this.#state !== State.over && !this.#isPaused) {
      if (mayWait && this.#mustWait(chunk[at] as number)) break;
      const from = at;
      if (this.#state === State.first && streams === undefined) at = this.#readWhole(chunk, at);
      if (at > from) continue;
      at = this.#state === State.payload ? this.#readPayload(chunk, at) : this.#readHeader(chunk[at] as number, at + 1);
      // A frame without a payload is complete at the end of its header.
      if (this.#state === State.payload && this.#position === this.#length) this.#endFrame();
    }
    if (streams !== undefined && this.#state !== State.over) this.#endStreamRead(streams);
    this.#isReading = false;
    this.#view = undefined;
    this.#rest = at < chunk.byteLength && this.#state !== State.over ? chunk.subarray(at) : undefined;
  }

  /** Whether the byte that comes next has to wait for a later turn, since a message begins or goes on with it. */
  #mustWait(byte: number): boolean {
    const isFirst = this.#state === State.first;
    const opcode = isFirst ? byte & 0x0f : this.#opcode;
    const isNext = isFirst && this.#messageOpcode === 0;
    if (this.#streams !== undefined) {
      if (isFirst && opcode === Opcode.close) return (this.#isPostponed = this.#streams.mustWaitForClose());
      return isNext && opcode < Opcode.close && (this.#isPostponed = this.#streams.mustWaitForNext());
    }
    if (opcode >= Opcode.close) return false;
    const isCompressed = isNext ? (byte & 0x40) !== 0 : this.#whole?.isCompressed === true;
    return (this.#isPostponed = (this.#inflater as Inflater).postpones(this, isCompressed));
  }

  #endStreamRead(streams: StreamAssembler): void {
    const fault = streams.endRead();
    if (fault !== undefined) this.fault(fault);
    else if (!this.#isPostponed) this.#isPostponed = streams.mustWait();
  }

  get #assembler(): Assembler {
    return this.#streams ?? (this.#whole ??= new WholeAssembler(this.#sink, this.#limits, this.#inflater));
  }

  /**
   * A message of one frame that is all here and not compressed, as most are: unmasked where it lies, without a copy. It
   * passes every test that the states make.
   * @returns the position behind it, or `at` when the states have to look.
   */
  #readWhole(chunk: Buffer, at: number): number {
    const length = this.#messageOpcode === 0 ? wholeFrameLength(chunk, at) : -1;
    const start = at + (length < 126 ? 6 : 8);
    const end = start + length;
    if (length < 0 || end > chunk.byteLength || length > this.#limits.maxMessageBytes) return at;
    const isBinary = chunk[at] === WHOLE_BINARY;
    this.#view ??= new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    const isAscii = unmask(this.#view, start, end);
    if (!isBinary && !isAscii && !isUtf8(chunk.subarray(start, end))) this.fault("ERR_UTF8");
    else this.#sink.onMessage(new Message(chunk, isBinary, start, end, this.#view));
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
    if ((byte & 0x30) !== 0) return this.fault("ERR_PROTOCOL");
    if (opcode >= Opcode.close) {
      if (opcode > Opcode.pong || !this.#fin || rsv1) return this.fault("ERR_PROTOCOL");
    } else if (opcode === Opcode.continuation) {
      if (this.#messageOpcode === 0 || rsv1) return this.fault("ERR_PROTOCOL");
      const fault = this.#assembler.nextFragment();
      if (fault !== undefined) return this.fault(fault);
    } else {
      if (opcode > Opcode.binary || this.#messageOpcode !== 0) return this.fault("ERR_PROTOCOL");
      if (rsv1 && !this.#inflates) return this.fault("ERR_PROTOCOL");
      this.#messageOpcode = opcode;
      this.#assembler.begin(byte);
    }
    this.#state = State.second;
  }

  #readSecond(byte: number): void {
    // RFC 6455 §5.1: a client masks every frame.
    if ((byte & 0x80) === 0) return this.fault("ERR_PROTOCOL");
    const length = byte & 0x7f;
    if (this.#opcode >= Opcode.close && length > MAX_CONTROL_BYTES) return this.fault("ERR_PROTOCOL");
    this.#length = 0;
    this.#isLong = length === 127;
    this.#missing = this.#isLong ? 8 : 2;
    if (length >= 126) this.#state = State.length;
    else this.#beginMask(length);
  }

  #readLength(byte: number): void {
    // RFC 6455 §5.2: the most significant bit of the 64-bit form is 0.
    if (this.#missing === 8 && byte >= 0x80) return this.fault("ERR_PROTOCOL");
    this.#length = this.#length * 256 + byte;
    this.#missing--;
    if (this.#isLong && this.#missing === 4 && this.#length > MAX_HIGH_WORD) return this.fault("ERR_MESSAGE_TOO_BIG");
    if (this.#missing > 0) return;
    // And the shortest form must be used.
    if (this.#length < (this.#isLong ? 0x10000 : 126)) return this.fault("ERR_PROTOCOL");
    this.#beginMask(this.#length);
  }

  #beginMask(length: number): void {
    this.#length = length;
    const fault = this.#opcode < Opcode.close ? this.#assembler.declare(length) : undefined;
    if (fault !== undefined) return this.fault(fault);
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
    const end = at + here;
    if (this.#opcode >= Opcode.close) {
      const control = (this.#control ??= new MessageBuffer());
      control.reserve(left, here);
      control.append(chunk, at, end, this.#mask, this.#position);
      this.#position += here;
      return end;
    }
    this.#assembler.append(chunk, at, end, this.#mask, this.#position, left);
    this.#position += here;
    // Bytes are the progress of a stream, and headers are none.
    if (this.#streams !== undefined) this.partialSince = this.#now();
    const isComplete = this.#fin && here === left;
    const fault = isComplete ? undefined : this.#assembler.check();
    if (fault !== undefined) this.fault(fault);
    return end;
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
    if (typeof close === "string") return this.fault(close);
    this.release();
    this.#sink.onClose(close.code, close.reason);
  }

  #endMessage(): void {
    this.#messageOpcode = 0;
    this.partialSince = 0;
    const fault = this.#assembler.end();
    if (fault !== undefined) this.fault(fault);
  }

  release(): void {
    this.#state = State.over;
    this.partialSince = 0;
    this.#rest = undefined;
    this.#whole?.release();
    this.#streams?.release();
  }
}
