import { inNoContext } from "../base/no-context.ts";
import type { Message } from "./message.ts";

/** One message while it comes in, for a handler with the hook `stream`. */
export interface IncomingStream {
  /** False for a text message: its bytes are valid UTF-8, and no chunk ends within a character. */
  readonly isBinary: boolean;
  /**
   * The payload as it comes, at most 64 KiB and one read of the socket ahead of you: then the socket is paused, and TCP holds
   * the client back. Read it to its end, or cancel it: the rest of the message is then read and thrown away, and the
   * connection lives on. The next message comes after that.
   *
   * It fails with the `ConnectionError` that ends the connection, or, when the connection ends in another way before the
   * message is complete, with an error that has the name `AbortError` and the code `ERR_MESSAGE_CUT`.
   */
  readonly readable: ReadableStream<Uint8Array>;
}

/** Reading stops when the application has not taken so much, and goes on when half of it is left. Bytes. */
const MOST_BYTES = 64 * 1024;
/** RFC 6455 §5.2: the longest header of a frame of a client. */
const MOST_HEADER_BYTES = 14;
/** What each chunk counts for beside its bytes: otherwise a thousand chunks of one byte would count for a kilobyte. */
const CHUNK_BYTES = 512;

/** The error of a stream whose connection was ended by the client, the application or the end of the server. */
export function messageCut(): Error {
  const error = new Error("The connection ended before the message was complete");
  error.name = "AbortError";
  return Object.assign(error, { code: "ERR_MESSAGE_CUT" });
}

/**
 * What an application gets may be transferred, and then its whole block is gone for everything else that lies in it. So a piece stays
 * where it is only when it is all that its block holds, with at most the header of its own frame in front. Any other moves out.
 */
function chunkOf({ buffer, byteOffset, byteLength }: Buffer): Uint8Array {
  const isAlone = byteOffset <= MOST_HEADER_BYTES && byteOffset + byteLength === buffer.byteLength;
  const bytes = new Uint8Array(buffer, byteOffset, byteLength);
  return isAlone && 2 * byteLength >= buffer.byteLength ? bytes : new Uint8Array(bytes);
}

/**
 * The inner side of an incoming message: its bytes are put in here. The queue is ours and not that of the `ReadableStream`, which
 * does not tell when its last chunk was taken, and would count a chunk of one byte as one byte.
 */
export class StreamedMessage {
  readonly shown: IncomingStream;
  /** The error it failed with. */
  failure: unknown;
  /** Called once `isTaken` has become true, in a later turn and in no request's async context. */
  onTaken: (() => void) | undefined;
  readonly #onRoom: () => void;
  readonly #chunks: Uint8Array[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #bytes = 0;
  #isWatched = false;
  /** The application has asked for a chunk that has not come yet. */
  #isWanted = false;
  #isComplete = false;
  #isOver = false;
  #isLetGo = false;

  /** @param options.onRoom Called once for each `watch`, when there is room or all is taken, in a later turn and in no request's async context. */
  constructor({ isBinary, onRoom }: { readonly isBinary: boolean; readonly onRoom: () => void }) {
    this.#onRoom = onRoom;
    const readable = new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          this.#controller = controller;
        },
        pull: () => this.#pull(),
        cancel: () => this.#drop(),
      },
      { highWaterMark: 0 },
    );
    this.shown = Object.freeze({ isBinary, readable });
  }

  /** A message that came whole. */
  static of({ bytes, isBinary }: Message): StreamedMessage {
    const streamed = new StreamedMessage({ isBinary, onRoom: () => {} });
    streamed.push(bytes);
    streamed.end();
    return streamed;
  }

  /** Cancelled or failed: bytes that still come are thrown away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isFull(): boolean {
    return this.#bytes >= MOST_BYTES;
  }

  /** Whether the application is done with it, so that the next message may come. */
  get isTaken(): boolean {
    return this.#isOver || this.#isLetGo || (this.#isComplete && this.#chunks.length === 0);
  }

  /** Whether the application has begun to read and has not reached the end. */
  get isBeingRead(): boolean {
    return this.shown.readable.locked && !this.isTaken;
  }

  push(bytes: Buffer): void {
    if (this.#isOver || bytes.byteLength === 0) return;
    const chunk = chunkOf(bytes);
    if (this.#isWanted) {
      this.#isWanted = false;
      return this.#controller.enqueue(chunk);
    }
    this.#chunks.push(chunk);
    this.#bytes += chunk.byteLength + CHUNK_BYTES;
  }

  end(): void {
    if (this.#isOver || this.#isComplete) return;
    this.#isComplete = true;
    this.#closeWhenTaken();
  }

  /** Fails it with `error` unless it is complete: a complete one can still be read, but the next message does not wait for that. */
  fail(error: unknown): void {
    if (this.#isOver) return;
    if (this.#isComplete) {
      this.#isLetGo = true;
      return this.#tell();
    }
    this.failure = error;
    this.#drop();
    this.#controller.error(error);
  }

  /** Asks for one call of `onRoom`. */
  watch(): void {
    this.#isWatched = true;
  }

  #pull(): void {
    const chunk = this.#chunks.shift();
    if (chunk === undefined) {
      this.#isWanted = true;
      return;
    }
    this.#bytes -= chunk.byteLength + CHUNK_BYTES;
    this.#controller.enqueue(chunk);
    this.#closeWhenTaken();
    this.#tell();
  }

  #closeWhenTaken(): void {
    if (!this.#isComplete || this.#chunks.length > 0) return;
    this.#controller.close();
    this.#tell();
  }

  #drop(): void {
    this.#isOver = true;
    this.#chunks.length = 0;
    this.#bytes = 0;
    this.#tell();
  }

  #tell(): void {
    if (this.#isWatched && (this.isTaken || this.#bytes <= MOST_BYTES / 2)) {
      this.#isWatched = false;
      later(this.#onRoom);
    }
    if (this.onTaken === undefined || !this.isTaken) return;
    later(this.onTaken);
    this.onTaken = undefined;
  }
}

/** In a later tick: the application is in the middle of a `read`. */
function later(run: () => void): void {
  inNoContext(() => process.nextTick(run));
}
