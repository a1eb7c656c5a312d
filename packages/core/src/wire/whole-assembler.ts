import { isUtf8 } from "node:buffer";
import type { Assembler } from "./assembler.ts";
import { maxDeflatedBytes } from "./compression.ts";
import type { Fault } from "../base/errors.ts";
import { faults } from "./faults.ts";
import { Opcode } from "./frame.ts";
import type { FrameSink, ReaderLimits } from "./frame-reader.ts";
import type { Inflater } from "./inflater.ts";
import { Message } from "./message.ts";
import { MessageBuffer } from "./message-buffer.ts";
import { checkBegunUtf8 } from "./utf8.ts";

/** Makes whole messages: of fragments, of frames that come in several reads, and of compressed ones. */
export class WholeAssembler implements Assembler {
  readonly #sink: FrameSink;
  readonly #limits: ReaderLimits;
  readonly #inflater: Inflater | undefined;
  readonly #message = new MessageBuffer();
  #isText = false;
  #isCompressed = false;
  #fragments = 0;
  /** How many bytes of the message are checked as UTF-8. */
  #checked = 0;

  constructor(sink: FrameSink, limits: ReaderLimits, inflater: Inflater | undefined) {
    this.#sink = sink;
    this.#limits = limits;
    this.#inflater = inflater;
  }

  /** Whether the message that is not complete is compressed. */
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

  nextFragment(): Fault | undefined {
    return ++this.#fragments > this.#limits.maxFragments ? faults.tooManyFragments(this.#limits.maxFragments) : undefined;
  }

  declare(bytes: number): Fault | undefined {
    const { maxMessageBytes } = this.#limits;
    const maxBytes = this.#isCompressed ? maxDeflatedBytes(maxMessageBytes) : maxMessageBytes;
    return this.#message.length + bytes > maxBytes ? faults.tooBig(maxMessageBytes) : undefined;
  }

  append(chunk: Buffer, start: number, end: number, mask: number, phase: number, left: number): void {
    this.#message.reserve(left, end - start);
    this.#message.append(chunk, start, end, mask, phase);
  }

  check(): Fault | undefined {
    if (this.#isCompressed) return this.#checkInflated(this.#inflater as Inflater);
    if (!this.#isText) return undefined;
    const { bytes, length } = this.#message;
    this.#checked = checkBegunUtf8(bytes, this.#checked, length);
    return this.#checked < 0 ? faults.text : undefined;
  }

  #checkInflated(inflater: Inflater): Fault | undefined {
    const begun = inflater.probe(this.#message);
    if (begun === undefined) return undefined;
    if (!Buffer.isBuffer(begun)) return begun;
    return this.#isText && checkBegunUtf8(begun, 0, begun.byteLength) < 0 ? faults.text : undefined;
  }

  end(): Fault | undefined {
    const raw = this.#message.take();
    const bytes = this.#isCompressed ? (this.#inflater as Inflater).whole(raw) : raw;
    if (!Buffer.isBuffer(bytes)) return bytes;
    const checked = this.#isCompressed ? 0 : this.#checked;
    if (this.#isText && checked < bytes.byteLength && !isUtf8(checked === 0 ? bytes : bytes.subarray(checked))) return faults.text;
    this.#sink.onMessage(new Message(bytes, !this.#isText));
    return undefined;
  }

  release(): void {
    this.#message.take();
  }
}
