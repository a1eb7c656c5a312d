import { Backlog, type Entry, type Taken } from "./backlog.ts";
import { promiseOf } from "../base/guard.ts";
import { MessageWriter, type FragmentPosition } from "./message-writer.ts";
import type { Missed } from "./missed.ts";
import { PreparedMessage } from "../wire/prepared-message.ts";

/** Gets the messages that leave the waiting room. */
export interface RoomExit {
  /** Whether a message of so many bytes may go on its way now, after which it cannot be taken back. */
  mayGo(bytes: number): boolean;
  /** Puts a message on its way. */
  go(taken: Taken): void;
  sendFragment(data: Uint8Array, position: FragmentPosition): void;
  /** Nothing follows this frame. */
  sendLast(closeFrame: Buffer): void;
  /** Settles when the socket takes data. */
  drain(): Promise<void>;
  /** Gets the error of a stream or a Blob of the application. */
  report(error: unknown): void;
  /** A message of which a part may have been sent can never be completed. */
  broken(cause?: unknown): void;
  /** Nothing waits any more, and nothing is waited for. */
  emptied(): void;
  now(): number;
}

interface PromiseWithResolver {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolver(): PromiseWithResolver {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/**
 * The messages of one connection that cannot go on their way yet: the socket is full and a policy may take them back, or a message in
 * front of them is not complete. It also holds a close frame that waits behind them, and the promise for callers that wait until the
 * socket takes data. A connection has a room only while there is any of these.
 */
export class WaitingRoom {
  readonly #exit: RoomExit;
  readonly #backlog = new Backlog();
  /** The message that is being written, in front of the backlog (RFC 6455 §5.4: fragments of two messages may not mix). */
  #writer: MessageWriter | undefined;
  /** The first message of the backlog, while its Blob is being read. */
  #reading: Entry | undefined;
  /** When the writer or the Blob last brought bytes. */
  #broughtAt = 0;
  #closeFrame: Buffer | undefined;
  #draining: PromiseWithResolver | undefined;

  constructor(exit: RoomExit) {
    this.#exit = exit;
  }

  /** The messages that wait. Only the room itself adds to them and takes from them. */
  get waiting(): Pick<Backlog, "size" | "bytes" | "cost" | "latest" | "replace"> {
    return this.#backlog;
  }

  /** Whether messages have to wait for one that is not complete. */
  get hasGate(): boolean {
    return this.#writer !== undefined || this.#backlog.hasBlobs;
  }

  get holdsCloseFrame(): boolean {
    return this.#closeFrame !== undefined;
  }

  get #isEmpty(): boolean {
    return !this.hasGate && this.#backlog.size === 0 && this.#closeFrame === undefined && this.#draining === undefined;
  }

  /** Since when a Blob or a writer has brought nothing, or 0 when there is none. */
  get stalledSince(): number {
    return this.#writer === undefined && this.#reading === undefined ? 0 : this.#broughtAt;
  }

  /** The socket takes data again. The time before does not count against a Blob or a writer. */
  resumed(): void {
    this.#broughtAt = this.#exit.now();
  }

  /** Adds a message behind all others; `advance` follows. */
  add(message: PreparedMessage | Blob, options: Parameters<Backlog["push"]>[1]): void {
    this.#backlog.push(message, options);
  }

  /** Sends on what may go. */
  advance(): void {
    const backlog = this.#backlog;
    while (backlog.size > 0) {
      if (this.#writer !== undefined || this.#reading !== undefined) return;
      const blob = backlog.firstBlob;
      if (blob !== undefined) return this.#read(blob);
      if (!this.#exit.mayGo(backlog.firstBytes)) return;
      const taken = backlog.shift();
      if (taken !== undefined) this.#exit.go(taken);
    }
    if (this.#writer !== undefined) return;
    const closeFrame = this.#closeFrame;
    this.#closeFrame = undefined;
    if (closeFrame !== undefined) this.#exit.sendLast(closeFrame);
    if (this.#isEmpty) this.#exit.emptied();
  }

  /** Takes the first message out, unless it is not complete, or one in front of it is not. */
  takeNext(): Taken | undefined {
    if (this.#writer !== undefined || this.#reading !== undefined || this.#backlog.firstBlob !== undefined) return undefined;
    return this.#backlog.shift();
  }

  /** Sends a close frame behind everything else. */
  closeBehind(frame: Buffer): void {
    this.#closeFrame ??= frame;
    this.advance();
  }

  /** Throws away the oldest message that may be taken back. @returns what the application wants called; `undefined` when there is none. */
  dropOldest(): { readonly missed: Missed | undefined } | undefined {
    const dropped = this.#backlog.drop();
    if (dropped !== undefined && dropped === this.#reading) this.#reading = undefined;
    return dropped;
  }

  /** Begins a message whose fragments go on their way at once. There MUST be no incomplete message, and none that waits. */
  createWriter(type: "text" | "binary"): MessageWriter {
    const exit = this.#exit;
    const writer: MessageWriter = new MessageWriter(
      {
        fragment: (data, position) => {
          if (this.#writer !== writer) return;
          this.#broughtAt = exit.now();
          exit.sendFragment(data, position);
        },
        drain: () => exit.drain(),
        finished: () => this.#written(writer, () => this.advance()),
        aborted: () => this.#written(writer, () => this.#exit.broken()),
      },
      type,
    );
    // Without any listener, an error of the stream would end the process.
    writer.on("error", (error) => {
      if (writer.listenerCount("error") === 1) exit.report(error);
    });
    this.#writer = writer;
    this.#broughtAt = exit.now();
    return writer;
  }

  /**
   * Gives up a message that is not complete, and all messages after it. A close frame behind them still leaves.
   * @param lost Gets what the application wants called.
   */
  giveUp(lost: Missed[]): void {
    const writer = this.#writer;
    this.#writer = undefined;
    this.#reading = undefined;
    this.#backlog.clearInto(lost);
    // Without an error: a client that leaves must not end the process of an application that forgot an `error` listener.
    writer?.destroy();
    this.advance();
  }

  /** Settles with `settleDraining`. All callers get the same promise. */
  get draining(): Promise<void> {
    this.#draining ??= withResolver();
    return this.#draining.promise;
  }

  settleDraining(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
    this.advance();
  }

  #written(writer: MessageWriter, goOn: () => void): void {
    if (this.#writer !== writer) return;
    this.#writer = undefined;
    goOn();
  }

  #read(entry: Entry): void {
    this.#reading = entry;
    this.#broughtAt = this.#exit.now();
    readBlob(entry.message as Blob).then(
      (message) => {
        if (this.#reading !== entry) return;
        this.#reading = undefined;
        this.#backlog.fill(entry, message);
        this.advance();
      },
      (cause: unknown) => {
        this.#exit.report(cause);
        if (this.#reading === entry) this.#exit.broken(cause);
      },
    );
  }
}

/** Begins in a later microtask: a Blob of a class of the application runs its code. @throws TypeError when the Blob gives no bytes. */
async function readBlob(blob: Blob): Promise<PreparedMessage> {
  await Promise.resolve();
  const given: unknown = blob.arrayBuffer();
  const bytes: unknown = await (promiseOf(given) ?? given);
  if (!(bytes instanceof ArrayBuffer) && !ArrayBuffer.isView(bytes)) throw new TypeError("A Blob gave no ArrayBuffer");
  return new PreparedMessage(bytes);
}
