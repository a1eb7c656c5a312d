import type { Socket } from "node:net";
import type { Compression } from "../wire/compression.ts";
import type { Transport, TransportEvents } from "./transport.ts";
import { peerError, type ConnectionError } from "../base/errors.ts";
import type { AllReaderLimits, FrameReader, MakeReader, StreamSink } from "../wire/frame-reader.ts";
import { isEmptyPong } from "../wire/frame.ts";
import type { StreamedMessage } from "../wire/incoming-stream.ts";
import type { Message } from "../wire/message.ts";
import { inNoContext } from "../base/no-context.ts";
import { ownSocket, type SocketOwner } from "./socket-owner.ts";

/** What the socket transports of one Upgrader share. */
export interface SocketSetup {
  readonly limits: AllReaderLimits;
  /** Whose code reads the frames. */
  readonly reader: MakeReader;
  readonly compression: Compression | undefined;
  readonly now: () => number;
}

export interface UpgradedSocket {
  /** Paused, with an `error` listener, and nothing of HTTP left on it. */
  readonly socket: Socket;
  /** The bytes that came behind the handshake. */
  readonly head: Buffer;
  /** Compression was agreed on in the handshake. */
  readonly inflates: boolean;
}

/**
 * What our own reader makes is passed on as it is, in place of `text` and `binary`: a message that lies in the block it was read in, or, for a
 * handler that takes streams, one that is still coming.
 */
export interface SocketEvents extends TransportEvents {
  message(message: Message): void;
  /** In place of `message`: one begins. */
  stream(message: StreamedMessage): void;
  /** So many bytes of it came; told before they are in it. */
  streamBytes(bytes: number): void;
}

const EMPTY = Buffer.alloc(0);

/** Two reasons to stop reading: the connection asked, or the reader has more than it can take. Bits. */
const Stop = { asked: 1, congested: 2 } as const;

/** A socket whose frames we read and write ourselves. */
export class SocketTransport implements Transport, StreamSink, SocketOwner {
  readonly #setup: SocketSetup;
  readonly output: Socket;
  readonly #inflates: boolean;
  /** Made when the first byte comes: many clients only listen. */
  #reader: FrameReader | undefined;
  #head: Buffer;
  #events: SocketEvents | undefined;
  /** A close frame came, or the stream is broken: what still comes in is thrown away. */
  #deaf = false;
  /** Bits of `Stop`. */
  #stops = 0;
  /** The client has ended its side of the TCP connection. */
  #isEnded = false;

  constructor(setup: SocketSetup, { socket, head, inflates }: UpgradedSocket) {
    this.#setup = setup;
    this.output = socket;
    this.#head = head;
    this.#inflates = inflates;
  }

  get partialSince(): number {
    return this.isBehind ? 0 : (this.#reader?.partialSince ?? 0);
  }

  get isBehind(): boolean {
    return this.#stops === Stop.congested;
  }

  start(events: SocketEvents): void {
    inNoContext(() => this.#start(events));
  }

  #start(events: SocketEvents): void {
    this.#events = events;
    const head = this.#head;
    this.#head = EMPTY;
    // Queued before the first `data` listener is added, which queues a tick of its own: the bytes behind the handshake come first. In a tick,
    // since by then the handler is attached.
    process.nextTick(() => {
      if (head.byteLength > 0) this.onData(head);
      // While the application was deciding, the client may have ended its side or vanished: no event tells us again.
      if (this.output.closed) this.onSocketClose();
      else if (this.output.readableEnded) this.onEnd();
    });
    ownSocket(this.output, this);
    this.#flowOn();
  }

  terminate(): void {
    this.output.destroy();
  }

  pause(): void {
    this.#stops |= Stop.asked;
    this.#reader?.pause();
    this.#flow();
  }

  resume(): void {
    this.#stops &= ~Stop.asked;
    this.#reader?.resume();
    this.#flow();
  }

  #flow(): void {
    // What was read already is delivered in the context of this call, and `resume` may be any hook's.
    if (this.output.isPaused()) inNoContext(() => this.#flowOn());
    else this.#flowOn();
  }

  #flowOn(): void {
    if (this.#stops !== 0) this.output.pause();
    else this.output.resume();
  }

  #congest(): void {
    this.#stops |= Stop.congested;
    this.#flow();
  }

  #relieve(): void {
    this.#stops &= ~Stop.congested;
    this.#flow();
  }

  #readerNow(): FrameReader {
    if (this.#reader !== undefined) return this.#reader;
    const { limits, reader, now, compression } = this.#setup;
    const inflates = this.#inflates;
    this.#reader = reader(this, { limits, inflates, now, budget: inflates ? compression?.budget : undefined });
    if ((this.#stops & Stop.asked) !== 0) this.#reader.pause();
    return this.#reader;
  }

  // What the socket tells.

  onData(chunk: Buffer): void {
    if (this.#deaf) return;
    this.#events?.alive();
    // An empty pong is all that most idle clients ever send: no reader is made for it.
    if (this.#reader === undefined && isEmptyPong(chunk)) return this.onPong(EMPTY);
    if (!this.#readerNow().read(chunk)) this.#congest();
  }

  onDrain(): void {
    this.#events?.writable();
  }

  onError(cause: Error): void {
    this.onFault(peerError("ERR_SOCKET", cause));
  }

  onEnd(): void {
    this.#isEnded = true;
    // Complete messages, perhaps a close frame, may still be with the reader: they came before the end.
    if ((this.#stops & Stop.congested) !== 0 && !this.#deaf) return;
    this.#deaf = true;
    this.#events?.ended();
  }

  onSocketClose(): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#deaf = true;
    this.#reader?.release();
    events.closed();
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
    this.#events?.ping(data);
  }

  onPong(data: Buffer): void {
    this.#events?.pong(data);
  }

  onClose(code: number, reason: string): void {
    this.#deaf = true;
    this.#events?.closeFrame(code, reason);
    this.#relieve();
  }

  onFault(error: ConnectionError): void {
    if (this.#deaf) return;
    this.#deaf = true;
    this.#events?.broken(error);
    this.#relieve();
  }

  onReady(): void {
    this.#relieve();
    if (this.#isEnded) this.onEnd();
  }
}
