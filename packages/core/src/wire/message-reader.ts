import type { Assembler } from "./assembler.ts";
import { readCloseFrame } from "./close-frame.ts";
import { peerError, type Fault } from "../base/errors.ts";
import { faults } from "./faults.ts";
import { Opcode } from "./frame.ts";
import { FrameParser, type FrameHost } from "./frame-parser.ts";
import type { FrameReader, FrameSink, ReaderSetup, Streaming } from "./frame-reader.ts";
import { Inflater } from "./inflater.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { StreamAssembler, type StreamHost } from "./stream-assembler.ts";
import { readWholeFrame, wholeFrameLength, wholePayloadLength } from "./whole-frame.ts";
import { WholeAssembler } from "./whole-assembler.ts";

/**
 * Reads what one client sends. Each frame that is a whole message goes through `whole-frame.ts`. Of all others `FrameParser` reads
 * the headers, an `Assembler` gets the payloads of messages, and this class keeps those of control frames. It also decides when
 * reading has to wait: while the connection is paused, when the turn has had its share of inflating, when a stream is full.
 */
export class MessageReader implements FrameReader, FrameHost, StreamHost {
  partialSince = 0;
  readonly #sink: FrameSink;
  readonly #setup: ReaderSetup;
  readonly #parser: FrameParser;
  /** Of whole messages. */
  readonly #inflater: Inflater | undefined;
  readonly #streams: StreamAssembler | undefined;
  /** Made for the first message that does not come whole in one frame. */
  #whole: WholeAssembler | undefined;
  #control: MessageBuffer | undefined;

  /** Bytes that came while nothing may be read. */
  #rest: Buffer | undefined;
  /** On the bytes that are read now. */
  #view: DataView | undefined;
  #isPaused = false;
  #isReading = false;
  /** Waits for a later turn, which may inflate again, or until a stream has room. */
  #isPostponed = false;
  /** `read` returned false, so `onReady` has to follow. */
  #owesReady = false;
  /** After a close frame, a fault or `release`. */
  #isOver = false;

  /** @param streaming Unless given, messages come whole. */
  constructor(sink: FrameSink, setup: ReaderSetup, streaming?: Streaming) {
    const { limits, inflates, budget } = setup;
    this.#sink = sink;
    this.#setup = setup;
    this.#parser = new FrameParser(this, { inflates });
    this.#inflater = inflates && streaming === undefined ? new Inflater(limits.maxMessageBytes, budget) : undefined;
    this.#streams = streaming && new StreamAssembler(this, streaming.sink, { maxBytes: streaming.maxBytes, budget });
  }

  read(chunk: Buffer): boolean {
    if (this.#isOver) return true;
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
    if (this.#isReading || this.#isPostponed || this.#isOver) return;
    if (this.#rest !== undefined) this.#readOn();
    if (!this.#owesReady || this.#rest !== undefined || this.#isPostponed) return;
    this.#owesReady = false;
    this.#sink.onReady();
  }

  goOn(): void {
    this.#isPostponed = false;
    // The time for which it waited was ours, not the client's.
    if (this.partialSince !== 0) this.partialSince = this.#setup.now();
    if (!this.#isPaused) this.resume();
  }

  fault(fault: Fault): void {
    if (this.#isOver) return;
    this.release();
    this.#sink.onFault(peerError(fault));
  }

  release(): void {
    this.#isOver = true;
    this.partialSince = 0;
    this.#rest = undefined;
    this.#whole?.release();
    this.#streams?.release();
  }

  get assembler(): Assembler {
    return this.#streams ?? (this.#whole ??= new WholeAssembler(this.#sink, this.#setup.limits, this.#inflater));
  }

  #readOn(): void {
    const chunk = this.#rest as Buffer;
    this.#isReading = true;
    const inflater = this.#inflater;
    const streams = this.#streams;
    const parser = this.#parser;
    const mayWait = inflater !== undefined || streams !== undefined;
    const { maxMessageBytes } = this.#setup.limits;
    inflater?.beginRead();
    let at = 0;
    let mayBeWhole = streams === undefined && parser.isBetweenMessages;
    while (at < chunk.byteLength && !this.#isOver && !this.#isPaused) {
      if (mayWait && this.#mustWait(chunk[at] as number)) break;
      const length = mayBeWhole ? wholePayloadLength(chunk, at, maxMessageBytes) : -1;
      if (length < 0) {
        at = this.#readPart(chunk, at);
        mayBeWhole = streams === undefined && parser.isBetweenMessages;
        continue;
      }
      this.#view ??= new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      const message = readWholeFrame(chunk, this.#view, at, length);
      at += wholeFrameLength(length);
      if (message === undefined) this.fault(faults.text);
      else this.#sink.onMessage(message);
    }
    if (streams !== undefined && !this.#isOver) this.#endStreamRead(streams);
    this.#isReading = false;
    this.#view = undefined;
    this.#rest = at < chunk.byteLength && !this.#isOver ? chunk.subarray(at) : undefined;
  }

  /** Whether the next byte has to wait for a later turn, since a message begins or goes on with it. */
  #mustWait(byte: number): boolean {
    const { isBetweenFrames: isFirst, isBetweenMessages: isNext, opcode: current } = this.#parser;
    const opcode = isFirst ? byte & 0x0f : current;
    if (this.#streams !== undefined) {
      if (isFirst && opcode === Opcode.close) return (this.#isPostponed = this.#streams.mustWaitForClose());
      return isNext && opcode < Opcode.close && (this.#isPostponed = this.#streams.mustWaitForNext());
    }
    if (opcode >= Opcode.close) return false;
    const inflater = this.#inflater as Inflater;
    const isCompressed = isNext ? (byte & 0x40) !== 0 : this.#whole?.isCompressed === true;
    return (this.#isPostponed = isCompressed ? inflater.postponesCompressed(this) : inflater.postponesPlain(this));
  }

  #endStreamRead(streams: StreamAssembler): void {
    const fault = streams.endRead();
    if (fault !== undefined) this.fault(fault);
    else if (!this.#isPostponed) this.#isPostponed = streams.mustWait();
  }

  /** A byte of a header, or as much of a payload as is here. */
  #readPart(chunk: Buffer, at: number): number {
    const parser = this.#parser;
    if (parser.isBetweenFrames && this.partialSince === 0) this.partialSince = this.#setup.now();
    const next = parser.isInPayload ? this.#readPayload(parser, chunk, at) : this.#readHeader(parser, chunk, at);
    // A frame without a payload is complete at the end of its header.
    if (!this.#isOver && parser.isComplete) this.#endFrame(parser);
    return next;
  }

  #readHeader(parser: FrameParser, chunk: Buffer, at: number): number {
    const fault = parser.readHeader(chunk[at] as number);
    if (fault !== undefined) this.fault(fault);
    return at + 1;
  }

  #readPayload(parser: FrameParser, chunk: Buffer, at: number): number {
    const { position, mask } = parser;
    const left = parser.length - position;
    const here = Math.min(left, chunk.byteLength - at);
    const end = at + here;
    parser.position = position + here;
    if (parser.isControl) {
      const control = (this.#control ??= new MessageBuffer());
      control.reserve(left, here);
      control.append(chunk, at, end, mask, position);
      return end;
    }
    this.assembler.append(chunk, at, end, mask, position, left);
    // Bytes are the progress of a stream, and headers are none.
    if (this.#streams !== undefined) this.partialSince = this.#setup.now();
    const fault = parser.isFinal && here === left ? undefined : this.assembler.check();
    if (fault !== undefined) this.fault(fault);
    return end;
  }

  #endFrame(parser: FrameParser): void {
    parser.endFrame();
    // Control frames may stand between the fragments of a message (RFC 6455 §5.4).
    if (!parser.isInMessage) this.partialSince = 0;
    if (parser.isControl) return this.#endControl(parser.opcode, this.#control?.take() ?? Buffer.alloc(0));
    const fault = parser.isInMessage ? undefined : this.assembler.end();
    if (fault !== undefined) this.fault(fault);
  }

  #endControl(opcode: number, data: Buffer): void {
    if (opcode === Opcode.ping) return this.#sink.onPing(data);
    if (opcode === Opcode.pong) return this.#sink.onPong(data);
    const close = readCloseFrame(data);
    if ("text" in close) return this.fault(close);
    this.release();
    this.#sink.onClose(close.code, close.reason);
  }
}
