import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import { brand, preparedMessageMark } from "../base/cross-copy.ts";
import { encodeFrame, encodeTextFrame, Opcode, payloadOf } from "./frame.ts";
import { givenBytes } from "./given-bytes.ts";

/** What can be sent as one message: text, or bytes (the view is copied at the call, so it may be reused). */
export type MessageData = string | ArrayBuffer | ArrayBufferView;

/** Compresses payloads for all connections that agreed on the same parameters. */
export interface Deflate {
  /** Connections with the same key share the compressed bytes. */
  readonly key: string;
  /** Whether clients keep their window from message to message: then nothing is compressed for one of them alone. */
  readonly sharesHistory: boolean;
  /** Shorter messages go as they are. */
  readonly thresholdBytes: number;
  /**
   * The compressed payload, or `undefined` when the message should go as it is.
   * @param history With a shared history, the bytes in which the windows of the clients end; empty for a message that begins one.
   */
  compress(payload: Uint8Array, history?: Uint8Array): Buffer | undefined;
}

export interface PreparedOptions {
  /** Sends text as binary, or bytes that are known to be UTF-8 as text. @default whether it is no string */
  readonly isBinary?: boolean | undefined;
}

const preparedKinds: OptionKinds<PreparedOptions> = { isBinary: kinds.flag };

function toFrame(data: MessageData): Buffer {
  return typeof data === "string" ? encodeTextFrame(data) : encodeFrame(Opcode.binary, givenBytes(data));
}

/**
 * A message framed once, and deflated at most once per set of parameters, however many connections it goes to.
 * The counterpart of gorilla/websocket's `PreparedMessage`.
 */
export class PreparedMessage {
  /** Also true for one of another copy of core in this process. */
  static [Symbol.hasInstance](value: unknown): boolean {
    // Not by `hasBrand`: this is asked for every message, and with a mark of its own it costs next to nothing.
    return typeof value === "object" && value !== null && preparedMessageMark in value;
  }

  static {
    brand(this, preparedMessageMark);
  }

  readonly isBinary: boolean;
  /** Length of the uncompressed frame in bytes: what the message counts for in a send queue. */
  readonly frameBytes: number;
  #frame: Buffer;
  #deflated: Map<string, Buffer> | undefined;

  /** @throws TypeError for anything but a string, an ArrayBuffer or a view, and for options that cannot be meant. */
  constructor(data: MessageData, options?: PreparedOptions) {
    const { isBinary = typeof data !== "string" } = options === undefined ? {} : readOptions<PreparedOptions>("PreparedMessage", options, preparedKinds);
    this.isBinary = isBinary;
    this.#frame = toFrame(data);
    this.frameBytes = this.#frame.byteLength;
    // Bytes that are known to be UTF-8 text, and text that is wanted as binary: only the opcode differs.
    this.#frame[0] = ((this.#frame[0] ?? 0) & 0xf0) | (isBinary ? Opcode.binary : Opcode.text);
  }

  /** A copy of the message as it was given, encoded. */
  get payload(): Buffer {
    const payload = payloadOf(this.#frame);
    const copy = Buffer.allocUnsafeSlow(payload.byteLength);
    payload.copy(copy);
    return copy;
  }

  /** For core: the payload where it lies. It must not leave core: all that wait for the message share it. */
  static payloadOf(message: Pick<PreparedMessage, "payload">): Buffer {
    return #frame in message ? payloadOf(message.#frame) : message.payload;
  }

  /** Moves the frame to memory of its own, for a message that will wait for long: a shared block would stay in memory as long. */
  keep(): void {
    if (this.#frame.buffer.byteLength === this.#frame.byteLength) return;
    const frame = Buffer.allocUnsafeSlow(this.#frame.byteLength);
    this.#frame.copy(frame);
    this.#frame = frame;
  }

  /**
   * For core: the bytes for the wire, for one connection or for all that agreed on `deflate` or on no compression. They share them: do
   * not write to them, and do not transfer them.
   */
  frame(deflate?: Deflate): Buffer {
    if (deflate === undefined || deflate.sharesHistory) return this.#frame;
    const known = this.#deflated?.get(deflate.key);
    if (known !== undefined) return known;
    const compressed = deflate.compress(payloadOf(this.#frame));
    const opcode = this.isBinary ? Opcode.binary : Opcode.text;
    const frame = compressed === undefined ? this.#frame : encodeFrame(opcode, compressed, { compressed: true });
    this.#deflated ??= new Map();
    this.#deflated.set(deflate.key, frame);
    return frame;
  }
}
