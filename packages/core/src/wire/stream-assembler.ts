import type { Assembler } from "./assembler.ts";
import { maxDeflatedBytes } from "./compression.ts";
import type { Fault } from "../base/errors.ts";
import { faults } from "./faults.ts";
import { Opcode } from "./frame.ts";
import type { StreamSink } from "./frame-reader.ts";
import { StreamedMessage } from "./incoming-stream.ts";
import { turnedMask, unmaskTo } from "./mask.ts";
import { inNoContext } from "../base/no-context.ts";
import { StreamInflater, type InflaterOwner } from "./stream-inflater.ts";
import { checkBegunUtf8 } from "./utf8.ts";
import type { Postponed, WorkBudget } from "./work-budget.ts";

const EMPTY = Buffer.alloc(0);

/** The reader, as the assembler sees it. It is never called within a call of the reader. */
export interface StreamHost extends Postponed {
  /** The client is at fault, as was found in a later turn. */
  fault(fault: Fault): void;
}

export interface StreamRules {
  /** Longest message, after inflating. */
  readonly maxBytes: number;
  readonly budget: WorkBudget | undefined;
}

/**
 * Gives messages on while they come in. The pieces of a message in one read of the socket are moved together where they
 * lie, so that a client that sends a byte in each frame makes one chunk of each read and not thousands.
 */
export class StreamAssembler implements Assembler, InflaterOwner {
  readonly #host: StreamHost;
  readonly #sink: StreamSink;
  readonly #rules: StreamRules;
  /** The message that began last. It may be complete and not taken by the application yet. */
  #message: StreamedMessage | undefined;
  #isAnnounced = false;
  /** The last frame of the message has not ended. */
  #isComing = false;
  #isText = false;
  #isCompressed = false;
  #declaredBytes = 0;
  #givenBytes = 0;
  /** The first bytes of a character that is not complete. */
  #cut: Buffer = EMPTY;
  #inflater: StreamInflater | undefined;
  /** The deflate stream has ended before the message: what follows is ignored, as in whole messages. */
  #isInflated = false;
  /** The bytes of the message that came in this read of the socket: from `#start` to `#end` in this block. */
  #chunk: Buffer | undefined;
  #view: DataView | undefined;
  #start = 0;
  #end = 0;
  /** Whether the turn has come in which the application may answer the message, before a close frame is handled. */
  #answering: "not yet" | "now" | "over" = "over";
  /** While the host waits: whether it still has to. */
  #hostWaits: (() => boolean) | undefined;

  constructor(host: StreamHost, sink: StreamSink, rules: StreamRules) {
    this.#host = host;
    this.#sink = sink;
    this.#rules = rules;
  }

  /** Whether more bytes have to wait: the stream is full, or not inflated to its end. If so, `goOn` of the host follows. */
  mustWait(): boolean {
    return this.#waits(this.#isFull);
  }

  /** Whether the next message has to wait, since the last one is not taken to its end. If so, `goOn` of the host follows. */
  mustWaitForNext(): boolean {
    return this.#waits(this.#isNotTaken);
  }

  /** Whether a close frame has to wait: the application first takes the message before it, if it reads, and has a turn to answer it. */
  mustWaitForClose(): boolean {
    return this.#waits(this.#isUnanswered);
  }

  begin(first: number): void {
    this.#isText = (first & 0x0f) === Opcode.text;
    this.#isCompressed = (first & 0x40) !== 0;
    this.#message = new StreamedMessage({ isBinary: !this.#isText, onRoom: () => this.#onRoom() });
    this.#isAnnounced = false;
    this.#isComing = true;
    this.#answering = "not yet";
    this.#isInflated = false;
    this.#declaredBytes = 0;
    this.#givenBytes = 0;
    this.#cut = EMPTY;
  }

  /** Fragments take no memory, and empty ones are no progress: `streamTimeoutMs` ends a client that sends nothing else. */
  nextFragment(): undefined {
    return undefined;
  }

  declare(bytes: number): Fault | undefined {
    const { maxBytes } = this.#rules;
    this.#declaredBytes += bytes;
    return this.#declaredBytes > (this.#isCompressed ? maxDeflatedBytes(maxBytes) : maxBytes) ? faults.tooBig(maxBytes) : undefined;
  }

  append(chunk: Buffer, start: number, end: number, mask: number, phase: number): void {
    if (this.#chunk !== chunk) {
      this.#chunk = chunk;
      this.#view = new DataView(chunk.buffer, chunk.byteOffset, chunk.byteLength);
      this.#start = start;
      this.#end = start;
    }
    this.#end = unmaskTo(this.#view as DataView, this.#end, { start, end, mask: turnedMask(mask, phase) });
  }

  /** All is checked when the read ends. */
  check(): undefined {
    return undefined;
  }

  /** This read of the socket is over: gives on what came in it. */
  endRead(): Fault | undefined {
    const chunk = this.#chunk;
    const message = this.#message;
    if (chunk === undefined || message === undefined) return undefined;
    this.#chunk = undefined;
    this.#view = undefined;
    this.#announce(message);
    if (message.isOver) this.#closeInflater();
    if (message.isOver || this.#isInflated) return undefined;
    const piece = chunk.subarray(this.#start, this.#end);
    if (!this.#isCompressed) return this.#give(message, piece);
    this.#inflaterNow().write(piece);
    return undefined;
  }

  end(): Fault | undefined {
    const fault = this.endRead();
    if (fault !== undefined) return fault;
    const message = this.#message as StreamedMessage;
    this.#announce(message);
    this.#isComing = false;
    if (!this.#isCompressed || this.#isInflated || message.isOver) return this.#finish(message);
    this.#inflaterNow().end();
    return undefined;
  }

  release(): void {
    this.#closeInflater();
    this.#chunk = undefined;
    this.#hostWaits = undefined;
  }

  // Called by the inflater.

  get hasRoom(): boolean {
    const message = this.#message as StreamedMessage;
    if (message.isFull) message.watch();
    return !message.isFull;
  }

  onInflated(bytes: Buffer): void {
    const fault = this.#give(this.#message as StreamedMessage, bytes);
    if (fault !== undefined) this.#host.fault(fault);
  }

  onConsumed(): void {
    this.#wakeHost();
  }

  onEnd(): void {
    this.#inflater = undefined;
    this.#isInflated = true;
    const fault = this.#isComing ? undefined : this.#finish(this.#message as StreamedMessage);
    if (fault !== undefined) this.#host.fault(fault);
    else this.#wakeHost();
  }

  onCorrupt(): void {
    this.#host.fault(faults.deflate);
  }

  #announce(message: StreamedMessage): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    this.#sink.onStream(message);
  }

  #inflaterNow(): StreamInflater {
    return (this.#inflater ??= new StreamInflater(this, this.#rules.budget));
  }

  #give(message: StreamedMessage, bytes: Buffer): Fault | undefined {
    this.#givenBytes += bytes.byteLength;
    const { maxBytes } = this.#rules;
    if (this.#givenBytes > maxBytes) return this.#isCompressed ? faults.tooBigInflated(maxBytes) : faults.tooBig(maxBytes);
    const text = this.#isText ? this.#wholeCharacters(bytes) : bytes;
    if (text === undefined) return faults.text;
    this.#sink.onStreamBytes(bytes.byteLength);
    message.push(text);
    return undefined;
  }

  /** What was cut off before, and `bytes`, up to the last complete character. `undefined` for what is not UTF-8. */
  #wholeCharacters(bytes: Buffer): Buffer | undefined {
    const all = this.#cut.byteLength === 0 ? bytes : Buffer.concat([this.#cut, bytes]);
    const checked = checkBegunUtf8(all, 0, all.byteLength);
    if (checked < 0) return undefined;
    this.#cut = checked === all.byteLength ? EMPTY : Buffer.from(all.subarray(checked));
    return all.subarray(0, checked);
  }

  #finish(message: StreamedMessage): Fault | undefined {
    this.#closeInflater();
    // RFC 6455 §8.1: the last character must be complete too.
    if (this.#cut.byteLength > 0 && !message.isOver) return faults.text;
    message.end();
    return undefined;
  }

  #closeInflater(): void {
    this.#inflater?.close();
    this.#inflater = undefined;
  }

  readonly #isNotTaken = (): boolean => this.#message?.isTaken === false;

  readonly #isUnanswered = (): boolean => {
    if (this.#isComing || this.#inflater !== undefined) return this.#isFull();
    if (this.#answering === "not yet" && this.#message?.isBeingRead !== true) {
      this.#answering = "now";
      inNoContext(setImmediate, () => {
        this.#answering = "over";
        this.#wakeHost();
      });
    }
    return this.#answering !== "over";
  };

  readonly #isFull = (): boolean => {
    if (this.#inflater === undefined) return this.#isComing && this.#message?.isFull === true;
    return !this.#isComing || this.#inflater.isBusy;
  };

  #onRoom(): void {
    if (this.#message?.isOver === true) this.#closeInflater();
    this.#inflater?.pump();
    this.#wakeHost();
  }

  #waits(isBlocked: () => boolean): boolean {
    this.#hostWaits = isBlocked() ? isBlocked : undefined;
    if (this.#hostWaits !== undefined) this.#message?.watch();
    return this.#hostWaits !== undefined;
  }

  #wakeHost(): void {
    if (this.#hostWaits === undefined || this.#waits(this.#hostWaits)) return;
    this.#host.goOn();
  }
}
