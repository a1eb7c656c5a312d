import type { Socket } from "node:net";
import type { Compression, DeflateParameters } from "../wire/compression.ts";
import type { Engine, EngineEvents } from "./engine.ts";
import { peerError, type ConnectionError } from "../base/errors.ts";
import type { AllReaderLimits, FrameReader, MakeReader, StreamSink } from "../wire/frame-reader.ts";
import { encodeCloseFrame, encodeFrame, isEmptyPong, Opcode } from "../wire/frame.ts";
import type { StreamedMessage } from "../wire/incoming-stream.ts";
import type { Message } from "../wire/message.ts";
import { inNoContext } from "../base/no-context.ts";
import { SendQueue } from "../send/send-queue.ts";
import type { SendSetup } from "../send/send-setup.ts";
import { ownSocket, type SocketOwner } from "./socket-owner.ts";

/** What all native engines of one Upgrader share. */
export interface EngineSetup extends SendSetup {
  readonly limits: SendSetup["limits"] & AllReaderLimits;
  /** Messages come as streams. */
  readonly streams: boolean;
  /** Whose code reads the frames. */
  readonly reader: MakeReader;
  readonly compression: Compression | undefined;
}

export interface EngineSocket {
  /** Paused, with an `error` listener, and nothing of HTTP left on it. */
  readonly socket: Socket;
  /** The bytes that came behind the handshake. */
  readonly head: Buffer;
  /** What was agreed in the handshake, if anything. */
  readonly deflate: DeflateParameters | undefined;
}

interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

const EMPTY = Buffer.alloc(0);

/** Our own socket. */
export class NativeEngine implements Engine, StreamSink, SocketOwner {
  readonly #setup: EngineSetup;
  readonly #socket: Socket;
  readonly queue: SendQueue;
  /** Made when the first byte comes: many clients only listen. */
  #reader: FrameReader | undefined;
  #head: Buffer;
  #events: EngineEvents | undefined;
  #sentClose: CloseFrame | undefined;
  #receivedClose: CloseFrame | undefined;
  /** The stream is broken: what still comes in is thrown away. */
  #deaf = false;
  /** Two reasons to stop reading: the connection asked, or the reader has more than it can take. */
  #paused = false;
  #congested = false;
  /** The client has ended its side of the TCP connection. */
  #isEnded = false;

  constructor(setup: EngineSetup, { socket, head, deflate }: EngineSocket) {
    this.#setup = setup;
    this.#socket = socket;
    this.#head = head;
    this.queue = new SendQueue(setup, socket, deflate && setup.compression?.deflateFor(deflate));
  }

  get partialSince(): number {
    return this.isBehind ? 0 : (this.#reader?.partialSince ?? 0);
  }

  get isBehind(): boolean {
    return this.#congested && !this.#paused;
  }

  start(events: EngineEvents): void {
    inNoContext(() => this.#start(events));
  }

  #start(events: EngineEvents): void {
    this.#events = events;
    const head = this.#head;
    this.#head = EMPTY;
    // Before the first `data` listener, whose own tick this must precede; and after the handler was attached.
    process.nextTick(() => {
      if (head.byteLength > 0) this.onData(head);
      // While the application was deciding, the client may have ended its side or vanished: no event tells us again.
      if (this.#socket.closed) this.onSocketClose();
      else if (this.#socket.readableEnded) this.onEnd();
    });
    ownSocket(this.#socket, this);
    this.#flowOn();
  }

  close(code: number, reason: string): void {
    if (this.#sentClose !== undefined) return;
    this.#sentClose = { code, reason };
    this.queue.close(code === 1005 ? encodeFrame(Opcode.close, EMPTY) : encodeCloseFrame(code, reason));
    // RFC 6455 §7.1.1: the server ends the TCP connection first, once both close frames have passed.
    if (this.#receivedClose !== undefined || this.#deaf) this.queue.end();
    this.resume();
  }

  terminate(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#paused = true;
    this.#reader?.pause();
    this.#flow();
  }

  resume(): void {
    this.#paused = false;
    this.#reader?.resume();
    this.#flow();
  }

  #flow(): void {
    // What was read already is delivered in the context of this call, and `resume` may be any hook's.
    if (this.#socket.isPaused()) inNoContext(() => this.#flowOn());
    else this.#flowOn();
  }

  #flowOn(): void {
    if (this.#paused || this.#congested) this.#socket.pause();
    else this.#socket.resume();
  }

  #congest(congested: boolean): void {
    this.#congested = congested;
    this.#flow();
  }

  #readerNow(): FrameReader {
    if (this.#reader !== undefined) return this.#reader;
    const { limits, reader, now } = this.#setup;
    const inflates = this.queue.deflate !== undefined;
    const budget = inflates ? this.#setup.compression?.budget : undefined;
    this.#reader = reader(this, { limits, inflates, now, budget });
    if (this.#paused) this.#reader.pause();
    return this.#reader;
  }

  // What the socket tells.

  onData(chunk: Buffer): void {
    if (this.#deaf || this.#receivedClose !== undefined) return;
    this.#events?.alive();
    // All that most idle clients ever send, and no reason for a reader.
    if (this.#reader === undefined && isEmptyPong(chunk)) return this.onPong(EMPTY);
    if (!this.#readerNow().read(chunk)) this.#congest(true);
  }

  onDrain(): void {
    this.queue.drained();
  }

  onError(cause: Error): void {
    this.onFault(peerError("ERR_SOCKET", cause));
  }

  onEnd(): void {
    this.#isEnded = true;
    // Complete messages, perhaps a close frame, may still be with the reader: they came before the end.
    if (this.#congested && !this.#deaf) return;
    // No more bytes can come: there is nobody to wait for. A message that is not complete is dropped (RFC 6455 §7.1.7).
    this.#deaf = true;
    this.#events?.closing();
    this.queue.end();
  }

  onSocketClose(): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#deaf = true;
    this.#reader?.release();
    const wasClean = this.#receivedClose !== undefined && this.#sentClose !== undefined;
    const { code, reason } = this.#receivedClose ?? this.#sentClose ?? { code: 1006, reason: "" };
    events.closed({ code, reason, wasClean });
  }

  // What the reader tells.

  onMessage(message: Message): void {
    if (!this.#deaf) this.#events?.message(message);
  }

  onStream(message: StreamedMessage): void {
    if (!this.#deaf) this.#events?.stream(message);
  }

  onStreamBytes(bytes: number): void {
    if (!this.#deaf) this.#events?.streamBytes(bytes);
  }

  onPing(data: Buffer): void {
    if (this.queue.pong(data)) this.#setup.counters.skippedPongs++;
    this.#events?.ping(data);
  }

  onPong(data: Buffer): void {
    this.#events?.pong(data);
  }

  onClose(code: number, reason: string): void {
    this.#receivedClose = { code, reason };
    if (this.#sentClose === undefined) {
      // RFC 6455 §5.5.1: a close frame is answered with the same code.
      this.#events?.closing();
      this.queue.giveUp();
      this.close(code, "");
    } else {
      // What still waits in front of our close frame would not be read.
      this.queue.end();
    }
    this.#congest(false);
  }

  onFault(error: ConnectionError): void {
    if (this.#deaf || this.#receivedClose !== undefined) return;
    this.#deaf = true;
    this.#events?.fail(error);
    // The connection may have been closing already, and then the peer's close frame will never be understood.
    if (this.#sentClose !== undefined) this.queue.end();
    this.#congest(false);
  }

  onReady(): void {
    this.#congest(false);
    if (this.#isEnded) this.onEnd();
  }
}
