import type { CloseInfo } from "../base/close-code.ts";
import type { Compression, DeflateParameters } from "../wire/compression.ts";
import { encodeCloseFrame, encodeFrame, Opcode } from "../wire/frame.ts";
import { SendQueue } from "../send/send-queue.ts";
import type { SendSetup } from "../send/send-setup.ts";
import { CloseListeners } from "./close-listeners.ts";
import type { Transport } from "./transport.ts";

interface CloseFrame {
  readonly code: number;
  readonly reason: string;
}

/** What all connections of one Upgrader send with. */
export interface OutboundSetup {
  readonly send: SendSetup;
  readonly compression: Compression | undefined;
}

const EMPTY = Buffer.alloc(0);
/** In place of a close frame, where none leaves: the application has cut the connection. */
const CUT: CloseFrame = Object.freeze({ code: 1006, reason: "" });

/**
 * The outbound half of a connection, on any transport: its queue, and the close handshake (RFC 6455 §7): which close frame went out,
 * which came in, and when the stream ends. A class to build on, so that it takes no object of its own.
 */
export abstract class Outbound extends CloseListeners {
  /** Everything that is sent goes through this queue. */
  readonly queue: SendQueue;
  protected readonly transport: Transport;
  #sent: CloseFrame | undefined;
  #received: CloseFrame | undefined;

  /** @param deflate What was agreed on in the handshake, if it is we who compress. */
  constructor({ send, compression }: OutboundSetup, transport: Transport, deflate: DeflateParameters | undefined) {
    super();
    this.transport = transport;
    this.queue = new SendQueue(send, transport.output, deflate && compression?.deflateFor(deflate));
  }

  /** Bytes that wait to leave, in our queue and the transport's. */
  get bufferedBytes(): number {
    return this.queue.bufferedBytes;
  }

  get blockedSince(): number {
    return this.queue.blockedSince;
  }

  get stalledSince(): number {
    return this.queue.stalledSince;
  }

  /** The connection is open no more: it takes no messages, and has its time to close. */
  protected abstract closing(): void;

  /** Sends a close frame behind everything in the queue. @param code 1005 for an empty one. */
  protected sendClose(code: number, reason: string): void {
    if (this.#sent !== undefined) return;
    this.#sent = { code, reason };
    this.queue.close(code === 1005 ? encodeFrame(Opcode.close, EMPTY) : encodeCloseFrame(code, reason));
    // RFC 6455 §7.1.1: the server ends the TCP connection first, once both close frames have passed.
    if (this.#received !== undefined) this.queue.end();
    this.transport.resume();
  }

  /** From now on no close frame leaves, and one that has not left never will: the client sees none. */
  protected cut(): void {
    if (this.#sent === undefined || this.queue.holdsCloseFrame || this.queue.bufferedBytes > 0) this.#sent = CUT;
  }

  // What the transport tells.

  writable(): void {
    this.queue.drained();
  }

  closeFrame(code: number, reason: string): void {
    if (this.#received !== undefined) return;
    this.#received = { code, reason };
    // What still waits in front of our close frame would not be read.
    if (this.#sent !== undefined) return this.queue.end();
    // RFC 6455 §5.5.1: a close frame is answered with the same code.
    this.closing();
    this.queue.giveUp();
    this.sendClose(code, "");
  }

  ended(): void {
    // No more bytes can come: there is no answer to wait for. A message that is not complete is dropped (RFC 6455 §7.1.7).
    this.closing();
    this.queue.end();
  }

  /** The peer's close frame will never be understood: once ours has left, the stream ends. */
  protected deafened(): void {
    if (this.#sent !== undefined) this.queue.end();
  }

  /** How it ended, by the close frames. */
  protected get outcome(): CloseInfo {
    const { code, reason } = this.#received ?? this.#sent ?? { code: 1006, reason: "" };
    return { code, reason, wasClean: this.#received !== undefined && this.#sent !== undefined && this.#sent !== CUT };
  }
}
