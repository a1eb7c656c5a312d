import type { Socket } from "node:net";
import { createDeflate, type CompressionOptions, type DeflateParameters } from "./compression.ts";
import type { Counters } from "./counters.ts";
import type { Engine, EngineEvents, FragmentPosition } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import type { Flusher } from "./flusher.ts";
import type { FrameReader, FrameSink, ReaderKind, ReaderLimits } from "./frame-reader.ts";
import { encodeCloseFrame, encodeFrame, Opcode } from "./frame.ts";
import { Outbox } from "./outbox.ts";
import { OwnReader } from "./own-reader.ts";
import type { Deflate, PreparedMessage } from "./prepared-message.ts";
import { WsReader } from "./ws-reader.ts";

export interface NativeEngineOptions {
  /** Paused, with an `error` listener, and nothing of HTTP left on it. */
  readonly socket: Socket;
  /** The bytes that came behind the handshake. */
  readonly head: Buffer;
  readonly limits: ReaderLimits;
  /** Whose code reads the frames. */
  readonly reader: ReaderKind;
  /** What was agreed in the handshake, if anything. */
  readonly deflate: DeflateParameters | undefined;
  readonly compression: Required<CompressionOptions> | undefined;
  readonly flusher: Flusher;
  readonly counters: Counters;
  readonly now: () => number;
}

/** Our own socket. */
export class NativeEngine implements Engine {
  readonly #socket: Socket;
  readonly #outbox: Outbox;
  readonly #reader: FrameReader;
  readonly #deflate: Deflate | undefined;
  readonly #counters: Counters;
  #head: Buffer;
  #events: EngineEvents | undefined;
  /** Codes of the close frames that went out and came in. */
  #sentClose: { readonly code: number; readonly reason: string } | undefined;
  #receivedClose: { readonly code: number; readonly reason: string } | undefined;
  /** The stream is broken: what still comes in is thrown away. */
  #deaf = false;
  /** Two reasons to stop reading: the connection asked, or the reader has more than it can take. */
  #paused = false;
  #congested = false;
  /** The client has ended its side of the TCP connection. */
  #isEnded = false;

  readonly #sink: FrameSink = {
    message: (bytes, isBinary) => {
      if (!this.#deaf) this.#events?.message(bytes, isBinary);
    },
    ping: (data) => this.#onPing(data),
    pong: (data) => this.#events?.pong(data),
    close: (code, reason) => this.#onCloseFrame(code, reason),
    fault: (error) => this.#fail(error),
    ready: () => {
      this.#congest(false);
      if (this.#isEnded) this.#onEnd();
    },
  };

  constructor(options: NativeEngineOptions) {
    const { socket, deflate, compression } = options;
    this.#socket = socket;
    this.#head = options.head;
    this.#counters = options.counters;
    this.#outbox = new Outbox(socket, options.flusher, options.now);
    this.#deflate = deflate && compression && createDeflate(deflate, compression);
    const inflates = deflate !== undefined;
    this.#reader =
      options.reader === "ws" ? new WsReader(this.#sink, options.limits, inflates) : new OwnReader(this.#sink, options.limits, inflates, options.now);
  }

  get bufferedBytes(): number {
    return this.#outbox.bytes;
  }

  get queuedMessages(): number {
    return this.#outbox.frames;
  }

  get blockedSince(): number {
    return this.#outbox.blockedSince;
  }

  get partialSince(): number {
    return this.#reader.partialSince;
  }

  start(events: EngineEvents): void {
    this.#events = events;
    const head = this.#head;
    this.#head = Buffer.alloc(0);
    // Before the first `data` listener, whose own tick this must precede; and after the handler was attached.
    process.nextTick(() => {
      if (head.byteLength > 0) this.#onData(head);
      // While the application was deciding, the client may have ended its side or vanished: no event tells us again.
      if (this.#socket.closed) this.#onSocketClose();
      else if (this.#socket.readableEnded) this.#onEnd();
    });
    this.#socket.on("data", this.#onData);
    this.#socket.on("drain", this.#onDrain);
    this.#socket.on("end", this.#onEnd);
    this.#socket.on("error", this.#onError);
    this.#socket.on("close", this.#onSocketClose);
    this.#flow();
  }

  send(message: PreparedMessage): void {
    this.#outbox.push(message.frame(this.#deflate));
  }

  sendFragment(data: Buffer, { isBinary, first, last }: FragmentPosition): void {
    const opcode = isBinary ? Opcode.binary : Opcode.text;
    this.#outbox.push(encodeFrame(first ? opcode : Opcode.continuation, data, { fin: last }));
  }

  flush(): void {
    this.#outbox.flush();
  }

  ping(data: Buffer): void {
    this.#outbox.push(encodeFrame(Opcode.ping, data));
  }

  close(code: number, reason: string): void {
    if (this.#sentClose !== undefined) return;
    this.#sentClose = { code, reason };
    this.#outbox.push(code === 1005 ? encodeFrame(Opcode.close, Buffer.alloc(0)) : encodeCloseFrame(code, reason));
    // RFC 6455 §7.1.1: the server ends the TCP connection first, once both close frames have passed.
    if (this.#receivedClose !== undefined || this.#deaf) this.#outbox.end();
    this.resume();
  }

  discard(): void {
    this.#outbox.discard();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#reader.pause();
    this.#flow();
  }

  resume(): void {
    this.#paused = false;
    this.#reader.resume();
    this.#flow();
  }

  #flow(): void {
    if (this.#paused || this.#congested) this.#socket.pause();
    else this.#socket.resume();
  }

  #congest(congested: boolean): void {
    this.#congested = congested;
    this.#flow();
  }

  readonly #onData = (chunk: Buffer): void => {
    if (this.#deaf || this.#receivedClose !== undefined) return;
    this.#events?.alive();
    if (!this.#reader.read(chunk)) this.#congest(true);
  };

  readonly #onDrain = (): void => {
    this.#outbox.unblock();
    if (this.#outbox.bytes === 0) this.#events?.drain();
  };

  #onPing(data: Buffer): void {
    if (this.#sentClose === undefined && this.#outbox.pushPong(encodeFrame(Opcode.pong, data))) this.#counters.skippedPongs++;
    this.#events?.ping(data);
  }

  #onCloseFrame(code: number, reason: string): void {
    this.#receivedClose = { code, reason };
    if (this.#sentClose === undefined) {
      // RFC 6455 §5.5.1: a close frame is answered with the same code.
      this.#events?.closing();
      this.close(code, "");
    } else {
      this.#outbox.end();
    }
    this.#congest(false);
  }

  #fail(error: ConnectionError): void {
    if (this.#deaf || this.#receivedClose !== undefined) return;
    this.#deaf = true;
    this.#events?.failed(error);
    // The connection may have been closing already, and then the peer's close frame will never be understood.
    if (this.#sentClose !== undefined) this.#outbox.end();
    this.#congest(false);
  }

  // A field, and not a closure in `start` that would keep the first bytes alive.
  readonly #onError = (cause: Error): void => this.#fail(new ConnectionError("ERR_SOCKET", { cause }));

  readonly #onEnd = (): void => {
    this.#isEnded = true;
    // Complete messages, perhaps a close frame, may still be with the reader: they came before the end.
    if (this.#congested && !this.#deaf) return;
    // No more bytes can come: there is nobody to wait for. A message that is not complete is dropped (RFC 6455 §7.1.7).
    this.#deaf = true;
    this.#events?.closing();
    this.#outbox.end();
  };

  readonly #onSocketClose = (): void => {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#deaf = true;
    this.#outbox.discard();
    this.#reader.release();
    const wasClean = this.#receivedClose !== undefined && this.#sentClose !== undefined;
    const { code, reason } = this.#receivedClose ?? this.#sentClose ?? { code: 1006, reason: "" };
    events.closed({ code, reason, wasClean });
  };
}
