import { Writable } from "node:stream";
import { givenBytes } from "../wire/given-bytes.ts";

/** What a fragment is in its message. */
export interface FragmentPosition {
  readonly type: "text" | "binary";
  readonly isFirst: boolean;
  readonly isLast: boolean;
}

/** What a writer needs from its connection. */
export interface FragmentSink {
  fragment(data: Uint8Array, position: FragmentPosition): void;
  /** Settles when the fragments so far have left, or when the connection is over. */
  drain(): Promise<void>;
  /** The message is complete, or given up before any of it was sent. */
  finished(): void;
  /** The message is given up, and a part of it was sent. */
  aborted(): void;
}

const EMPTY = Buffer.alloc(0);

/**
 * One large message as a `Writable`: each chunk leaves as a fragment, with backpressure, so the whole is never in memory.
 * To destroy it half-way ends the connection, because a message that has begun cannot be taken back.
 */
export class MessageWriter extends Writable {
  readonly #sink: FragmentSink;
  readonly #type: "text" | "binary";
  #started = false;
  #complete = false;

  constructor(sink: FragmentSink, type: "text" | "binary") {
    super({ decodeStrings: true, defaultEncoding: "utf8" });
    this.#sink = sink;
    this.#type = type;
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    let bytes: Uint8Array;
    try {
      bytes = givenBytes(chunk);
    } catch (error) {
      return done(error as Error);
    }
    this.#send(bytes, { isLast: false });
    this.#sink.drain().then(() => done(), done);
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#send(EMPTY, { isLast: true });
    this.#complete = true;
    done();
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    if (this.#started && !this.#complete) this.#sink.aborted();
    else this.#sink.finished();
    done(error);
  }

  #send(data: Uint8Array, { isLast }: Pick<FragmentPosition, "isLast">): void {
    this.#sink.fragment(data, { type: this.#type, isFirst: !this.#started, isLast });
    this.#started = true;
  }
}
