import { Writable } from "node:stream";

/** Where a fragment is in its message. */
export interface FragmentPosition {
  readonly isBinary: boolean;
  readonly first: boolean;
  readonly last: boolean;
}

/** What a writer needs from its connection. */
export interface FragmentSink {
  fragment(data: Buffer, position: FragmentPosition): void;
  /** Settles when the fragments so far have left, or the connection is gone. */
  drain(): Promise<void>;
  /** The message is complete, or given up: `aborted` when a part of it had been sent. */
  finished(aborted: boolean): void;
}

const EMPTY = Buffer.alloc(0);

/**
 * One large message, streamed: each chunk leaves as a fragment, with backpressure, so it is never in memory whole.
 * Destroying it half-way ends the connection, because a message cannot be taken back.
 */
export class MessageWriter extends Writable {
  readonly #sink: FragmentSink;
  readonly #isBinary: boolean;
  #started = false;
  #complete = false;

  constructor(sink: FragmentSink, isBinary: boolean) {
    super({ decodeStrings: true, defaultEncoding: "utf8" });
    this.#sink = sink;
    this.#isBinary = isBinary;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#send(chunk, false);
    this.#sink.drain().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send(EMPTY, true);
    this.#complete = true;
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#sink.finished(this.#started && !this.#complete);
    done(error);
  }

  #send(data: Buffer, last: boolean): void {
    this.#sink.fragment(data, { isBinary: this.#isBinary, first: !this.#started, last });
    this.#started = true;
  }
}
