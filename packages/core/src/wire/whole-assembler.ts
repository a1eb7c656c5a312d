import { isUtf8 } from "node:buffer";
import type { Assembler } from "./assembler.ts";
import { maxDeflatedBytes } from "./compression.ts";
import type { ClosureCode } from "../base/errors.ts";
import { Opcode } from "./frame.ts";
import type { FrameSink, ReaderLimits } from "./frame-reader.ts";
import type { Inflater } from "./inflater.ts";
import { Message } from "./message.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { checkUtf8 } from "./utf8.ts";

/** Puts messages together that come in fragments, in several reads or compressed. */
export class WholeAssembler implements Assembler {
  readonly #sink: FrameSink;
  readonly #limits: ReaderLimits;
  readonly #inflater: Inflater | undefined;
  readonly #message = new MessageBuffer();
  #isText = false;
  #isCompressed = false;
  #fragments = 0;
  /** How far the message was checked. */
  #checked = 0;

  constructor(sink: FrameSink, limits: ReaderLimits, inflater: Inflater | undefined) {
    this.#sink = sink;
    this.#limits = limits;
    this.#inflater = inflater;
  }

  /** Of the message that is being put together. */
  get isCompressed(): boolean {
    return this.#isCompressed;
  }

  begin(first: number): void {
    this.#isText = (first & 0x0f) === Opcode.text;
    this.#isCompressed = (first & 0x40) !== 0;
    this.#fragments = 1;
    this.#checked = 0;
    this.#inflater?.beginMessage();
  }

  nextFragment(): ClosureCode | undefined {
    return ++this.#fragments > this.#limits.maxFragments ? "ERR_TOO_MANY_FRAGMENTS" : undefined;
  }

  declare(bytes: number): ClosureCode | undefined {
    const { maxMessageBytes } = this.#limits;
    const maxBytes = this.#isCompressed ? maxDeflatedBytes(maxMessageBytes) : maxMessageBytes;
    return this.#message.length + bytes > maxBytes ? "ERR_MESSAGE_TOO_BIG" : undefined;
  }

  append(chunk: Buffer, start: number, end: number, mask: number, phase: number, left: number): void {
    this.#message.reserve(left, end - start);
    this.#message.append(chunk, start, end, mask, phase);
  }

  check(): ClosureCode | undefined {
    if (this.#isCompressed) return this.#inflater?.probe(this.#message, this.#isText);
    if (!this.#isText) return undefined;
    const { bytes, length } = this.#message;
    this.#checked = checkUtf8(bytes, this.#checked, length, false);
    return this.#checked < 0 ? "ERR_UTF8" : undefined;
  }

  end(): ClosureCode | undefined {
    const raw = this.#message.take();
    const bytes = this.#isCompressed ? (this.#inflater as Inflater).whole(raw) : raw;
    if (typeof bytes === "string") return bytes;
    const checked = this.#isCompressed ? 0 : this.#checked;
    if (this.#isText && checked < bytes.byteLength && !isUtf8(checked === 0 ? bytes : bytes.subarray(checked))) return "ERR_UTF8";
    this.#sink.onMessage(new Message(bytes, !this.#isText));
    return undefined;
  }

  release(): void {
    this.#message.take();
  }
}
