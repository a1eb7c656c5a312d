import { Backlog, type Entry, type Taken } from "./backlog.ts";
import { promiseOf } from "../base/guard.ts";
import { MessageWriter, type FragmentPosition } from "./message-writer.ts";
import type { Missed } from "./missed.ts";
import { PreparedMessage } from "../wire/prepared-message.ts";

/** Where messages go from the waiting room. */
export interface RoomExit {
  /** Whether a message of so many bytes may go on its way now. What has, can be taken back no more. */
  mayGo(bytes: number): boolean;
  /** Puts a message on its way. */
  go(taken: Taken): void;
  sendFragment(data: Buffer, position: FragmentPosition): void;
  /** Nothing follows this frame. */
  sendLast(closeFrame: Buffer): void;
  /** Settles when the socket takes data. */
  drain(): Promise<void>;
  /** Gets what a stream or a Blob of the application failed with. */
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
 * The messages of one connection that cannot go on their way: the socket is behind and a policy may take them back, or a
 * message in front of them is not complete. A connection has a room only then, with a close frame that waits behind them, and
 * with the promise of who waits until the socket takes data.
 */
export class WaitingRoom {
  readonly #exit: RoomExit;
  readonly #backlog = new Backlog();
  /** The message that is being written, in front of the backlog (RFC 6455 §5.4: fragments of two messages may not mix). */
  #writer: MessageWriter | undefined;
  /** The first of the backlog, while its Blob is being read. */
  #reading: Entry | undefined;
  /** When one of these two last brought something. */
  #broughtAt = 0;
  #closeFrame: Buffer | undefined;
  #draining: PromiseWithResolver | undefined;

  constructor(exit: RoomExit) {
    this.#exit = exit;
  }

  /** What waits; to add to it, or to take from it, there is only this room. */
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

  /** The time during which the socket did not take anything is not that of a Blob or a writer. */
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

  /** Throws away the oldest message that may be taken back. @returns who wants to be told, or `undefined` when there is no such message. */
  dropOldest(): { readonly missed: Missed | undefined } | undefined {
    const dropped = this.#backlog.drop();
    if (dropped !== undefined && dropped === this.#reading) this.#reading = undefined;
    return dropped;
  }

  /** Begins a message whose fragments go on their way at once. There MUST be no gate, and nothing that waits. */
  createWriter(isBinary: boolean): MessageWriter {
    const exit = this.#exit;
    const writer: MessageWriter = new MessageWriter(
      {
        fragment: (data, position) => {
          if (this.#writer !== writer) return;
          this.#broughtAt = exit.now();
          exit.sendFragment(data, position);
        },
        drain: () => exit.drain(),
        finished: (aborted) => this.#written(writer, aborted),
      },
      isBinary,
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
   * Waits no more for a message that is not complete: it does not arrive, and neither do the messages after it. A close frame does.
   * @param lost Gets who wants to be told.
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

  /** Settles with `settleDraining`. One promise for all who ask. */
  get draining(): Promise<void> {
    this.#draining ??= withResolver();
    return this.#draining.promise;
  }

  settleDraining(): void {
    this.#draining?.resolve();
    this.#draining = undefined;
    this.advance();
  }

  #written(writer: MessageWriter, aborted: boolean): void {
    if (this.#writer !== writer) return;
    this.#writer = undefined;
    if (aborted) this.#exit.broken();
    else this.advance();
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

/** Begins in a later microtask: a Blob of a class of the application runs its code. @throws TypeError when it gives no bytes. */
async function readBlob(blob: Blob): Promise<PreparedMessage> {
  await Promise.resolve();
  const given: unknown = blob.arrayBuffer();
  const bytes: unknown = await (promiseOf(given) ?? given);
  if (!(bytes instanceof ArrayBuffer) && !ArrayBuffer.isView(bytes)) throw new TypeError("A Blob gave no ArrayBuffer");
  return new PreparedMessage(bytes);
}
