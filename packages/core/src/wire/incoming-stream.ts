import { inNoContext } from "../base/no-context.ts";
import type { Message } from "./message.ts";

/** One message while it comes in, for a handler with the hook `stream`. */
export interface IncomingStream {
  /** False for a text message: its bytes are checked as UTF-8 on the way, and no chunk ends within a character. */
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

/** When so much has not been taken, reading stops, and it goes on when half of it has. */
const MOST_BYTES = 64 * 1024;
/** What a chunk costs beside its bytes, or a thousand chunks of one byte would pass for a kilobyte. */
const CHUNK_BYTES = 512;

/** What a stream fails with when its connection ends by the peer, the application or the end of the server. */
export function messageCut(): Error {
  const error = new Error("The connection ended before the message was complete");
  error.name = "AbortError";
  return Object.assign(error, { code: "ERR_MESSAGE_CUT" });
}

/** A view keeps the whole block that it lies in: one that is much shorter than its block moves out. */
function chunkOf(bytes: Buffer): Uint8Array {
  const { buffer, byteOffset, byteLength } = bytes;
  return 2 * byteLength < buffer.byteLength ? new Uint8Array(bytes) : new Uint8Array(buffer, byteOffset, byteLength);
}

/**
 * The side of an incoming message on which its bytes come in. The queue is ours and not that of the `ReadableStream`, which
 * does not tell when its last chunk was taken, and would count a chunk of one byte as one byte.
 */
export class StreamedMessage {
  readonly shown: IncomingStream;
  /** What it failed with. */
  failure: unknown;
  /** Called in a later turn, in no request's context, once it is taken after others were made to wait for that. */
  onTaken: (() => void) | undefined;
  readonly #onRoom: () => void;
  readonly #chunks: Uint8Array[] = [];
  #controller!: ReadableStreamDefaultController<Uint8Array>;
  #bytes = 0;
  #isWatched = false;
  /** The application waits for a chunk. */
  #isWanted = false;
  #isComplete = false;
  #isOver = false;
  #isLetGo = false;

  /** @param onRoom Called in a later turn, in no request's context, after `watch`: there is room, or it is taken. */
  constructor(isBinary: boolean, onRoom: () => void) {
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
    const streamed = new StreamedMessage(isBinary, () => {});
    streamed.push(bytes);
    streamed.end();
    return streamed;
  }

  /** All of it came. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Cancelled or failed: what still comes of it is thrown away. */
  get isOver(): boolean {
    return this.#isOver;
  }

  get isFull(): boolean {
    return this.#bytes >= MOST_BYTES;
  }

  /** Whether the next message may come, as far as the application is concerned. */
  get isTaken(): boolean {
    return this.#isOver || this.#isLetGo || (this.#isComplete && this.#chunks.length === 0);
  }

  /** The application has a reader and has not come to the end. */
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

  /** Ends it with `error` unless it is complete: what came whole can still be read, but nothing waits for that any more. */
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

  /** Calls `onRoom` once. */
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

/** Not at once: the application is in the middle of a `read`. */
function later(run: () => void): void {
  inNoContext(() => process.nextTick(run));
}
