import { createHash } from "node:crypto";
import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { connect as connectTls, type ConnectionOptions } from "node:tls";
import { constants, deflateRawSync, inflateRawSync } from "node:zlib";
import { Channel } from "./channel.ts";
import { closePayload, encodeClientFrame, Opcode, type FrameInit } from "./client-frame.ts";
import { encodeHandshake, type HandshakeInit } from "./handshake-request.ts";
import { HttpAnswer } from "./http-answer.ts";
import { resetSocket } from "./reset-socket.ts";
import { ServerFrames, type Frame } from "./server-frames.ts";

export interface WireClientOptions extends HandshakeInit {
  readonly port: number;
  /** @default "127.0.0.1" */
  readonly host?: string;
  /** Sent in the handshake's own packet. */
  readonly early?: Uint8Array;
  /** Cuts the handshake, and what is sent with it, into writes of so many bytes. @default one write */
  readonly chunkBytes?: number;
  /** Connects over TLS. */
  readonly tls?: ConnectionOptions;
  /** Answers the server's close frame, as a good client does. @default true */
  readonly answersClose?: boolean;
}

/** How the connection ended. */
export interface WireClose {
  /** Of the server's close frame; 1005 when it carried none, 1006 when there was no close frame. */
  readonly code: number;
  readonly reason: string;
  /** True when the TCP connection was reset or failed. */
  readonly wasReset: boolean;
}

/** One message of the server. */
export interface WireMessage {
  readonly isBinary: boolean;
  readonly wasCompressed: boolean;
  readonly bytes: Buffer;
  readonly text: string;
}

const ACCEPT_GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/** RFC 7692 §7.2.1: what a sync flush ends in, and what does not go on the wire. */
const DEFLATE_TAIL = Buffer.of(0, 0, 0xff, 0xff);

/**
 * A WebSocket client that does nothing by itself: for judging servers. It can send what RFC 6455 forbids, and writes
 * down in `violations` what the server sends against it.
 */
export class WireClient {
  readonly socket: Socket;
  /** The answer to the handshake. Rejects when the connection ends without one. */
  readonly answered: Promise<HttpAnswer>;
  /** Settles when the TCP connection is over. Never rejects. */
  readonly closed: Promise<WireClose>;
  readonly #frames = new Channel<Frame>();
  readonly #parser = new ServerFrames();
  readonly #key: string | undefined;
  readonly #answersClose: boolean;
  readonly #expectsBody: boolean;
  #received: Buffer = Buffer.alloc(0);
  #answer: HttpAnswer | undefined;
  #isAnswered = false;
  #settleAnswer!: { resolve: (answer: HttpAnswer) => void; reject: (error: Error) => void };
  #sentClose = false;
  #closeFrame: Buffer | undefined;
  #wasReset = false;
  #hasEnded = false;
  #window: Buffer = Buffer.alloc(0);

  private constructor(socket: Socket, options: WireClientOptions, key: string | undefined) {
    this.socket = socket;
    this.#key = key;
    this.#answersClose = options.answersClose ?? true;
    // RFC 9110 §9.3.2: the answer tells the length of a body that does not come.
    this.#expectsBody = options.method !== "HEAD";
    this.answered = new Promise((resolve, reject) => {
      this.#settleAnswer = { resolve, reject };
    });
    // Not everybody asks.
    this.answered.catch(() => {});
    this.closed = new Promise((resolve) => {
      socket.once("close", () => {
        this.#onEnd();
        resolve(this.#wireClose());
      });
    });
    socket.on("error", () => {
      this.#wasReset = true;
    });
    socket.on("data", (chunk: Buffer) => this.#onData(chunk));
    socket.on("end", () => this.#onEnd());
  }

  /** Connects and sends the handshake, but does not wait for the answer. */
  static async open(options: WireClientOptions): Promise<WireClient> {
    const { port, host = "127.0.0.1", tls } = options;
    const socket = tls ? connectTls({ ...tls, port, host }) : connectTcp({ port, host });
    await once(socket, tls ? "secureConnect" : "connect");
    socket.setNoDelay(true);
    return WireClient.over(socket, options);
  }

  /** Sends the handshake on a connection that is open, one that requests were answered on before. */
  static async over(socket: Socket, options: WireClientOptions): Promise<WireClient> {
    const { port, host = "127.0.0.1", early, chunkBytes = Infinity } = options;
    const { text, key } = encodeHandshake(options, `${host}:${port}`);
    const client = new WireClient(socket, options, key);
    const bytes = Buffer.concat([Buffer.from(text, "latin1"), early ?? Buffer.alloc(0)]);
    for (let at = 0; at < bytes.byteLength && socket.writable; at += chunkBytes) {
      socket.write(bytes.subarray(at, at + chunkBytes));
      // Lets the bytes leave, and a server in this process read them.
      if (chunkBytes < bytes.byteLength) await setImmediate();
    }
    return client;
  }

  /** Connects, sends the handshake and waits for the answer, whatever it says. */
  static async connect(options: WireClientOptions): Promise<WireClient> {
    const client = await WireClient.open(options);
    await client.answered;
    return client;
  }

  /** What the server sent against RFC 6455. */
  get violations(): readonly string[] {
    return this.#parser.violations;
  }

  /** @throws Error before the answer came. */
  get answer(): HttpAnswer {
    if (this.#answer === undefined || !this.#isAnswered) throw new Error("not answered yet");
    return this.#answer;
  }

  get status(): number {
    return this.answer.status;
  }

  get headers(): HttpAnswer["headers"] {
    return this.answer.headers;
  }

  get body(): string {
    return this.answer.body;
  }

  sendRaw(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  sendFrame(frame: FrameInit): void {
    if (frame.opcode === Opcode.close) this.#sentClose = true;
    this.socket.write(encodeClientFrame(frame));
  }

  sendText(text: string): void {
    this.sendFrame({ opcode: Opcode.text, payload: text });
  }

  sendBinary(bytes: Uint8Array): void {
    this.sendFrame({ opcode: Opcode.binary, payload: bytes });
  }

  /** A text message by permessage-deflate (RFC 7692 §7.2.1). */
  sendCompressed(text: string): void {
    const deflated = deflateRawSync(text, { finishFlush: constants.Z_SYNC_FLUSH });
    this.sendFrame({ opcode: Opcode.text, rsv: 4, payload: deflated.subarray(0, -DEFLATE_TAIL.byteLength) });
  }

  ping(payload: Uint8Array | string = ""): void {
    this.sendFrame({ opcode: Opcode.ping, payload });
  }

  /** Sends a close frame, an empty one without a code, and waits for the end of the connection. */
  close(code?: number, reason: Uint8Array | string = ""): Promise<WireClose> {
    this.sendFrame({ opcode: Opcode.close, payload: closePayload(code, reason) });
    return this.closed;
  }

  /** Ends our side of the TCP connection, without a close frame. */
  end(): void {
    this.socket.end();
  }

  /** Resets the TCP connection. */
  reset(): void {
    resetSocket(this.socket);
  }

  /** Stops reading, until `resume`. */
  pause(): void {
    this.socket.pause();
  }

  resume(): void {
    this.socket.resume();
  }

  /** The next frame of any kind. Rejects when the connection ends before. */
  nextFrame(timeoutMs?: number): Promise<Frame> {
    return this.#frames.next(timeoutMs);
  }

  /** The next message, put together and inflated; pings and pongs are passed over. Rejects on a close frame. */
  async nextMessage(timeoutMs?: number): Promise<WireMessage> {
    const frames: Frame[] = [];
    while (frames.at(-1)?.fin !== true) {
      const frame = await this.nextFrame(timeoutMs);
      if (frame.opcode === Opcode.close) throw new Error(`closed with ${frame.payload.toString("hex")} instead of a message`);
      if (frame.opcode < Opcode.close) frames.push(frame);
    }
    const payload = Buffer.concat(frames.map((frame) => frame.payload));
    const wasCompressed = frames[0]?.rsv1 ?? false;
    const bytes = wasCompressed ? this.#inflate(payload) : payload;
    return { isBinary: frames[0]?.opcode === Opcode.binary, wasCompressed, bytes, text: bytes.toString("utf8") };
  }

  #onData(chunk: Buffer): void {
    if (this.#answer?.status === 101) return this.#onFrames(chunk);
    this.#received = Buffer.concat([this.#received, chunk]);
    if (this.#answer === undefined) this.#readHead();
    if (this.#answer !== undefined) this.#readBody(this.#answer, { ended: false });
  }

  #readHead(): void {
    const end = this.#received.indexOf("\r\n\r\n");
    if (end < 0) return;
    try {
      this.#answer = new HttpAnswer(this.#received.toString("latin1", 0, end));
    } catch (error) {
      this.#settleAnswer.reject(error as Error);
    }
    this.#received = this.#received.subarray(end + 4);
  }

  #readBody(answer: HttpAnswer, come: { readonly ended: boolean }): void {
    if (this.#isAnswered) return;
    if (answer.status !== 101 && this.#expectsBody) {
      const body = answer.bodyOf(this.#received, come);
      if (body === undefined) return;
      answer.body = body;
    }
    this.#isAnswered = true;
    this.#settleAnswer.resolve(answer);
    if (answer.status !== 101) return;
    this.#parser.allowsRsv1 = answer.header("sec-websocket-extensions")?.startsWith("permessage-deflate") ?? false;
    const accept = createHash("sha1").update(`${this.#key}${ACCEPT_GUID}`).digest("base64");
    if (answer.header("sec-websocket-accept") !== accept) this.#parser.violations.push("a wrong Sec-WebSocket-Accept");
    this.#onFrames(this.#received);
  }

  #onFrames(bytes: Buffer): void {
    for (const frame of this.#parser.push(bytes)) {
      if (frame.opcode === Opcode.close) this.#onClose(frame);
      this.#frames.push(frame);
    }
  }

  #onClose(frame: Frame): void {
    this.#closeFrame ??= frame.payload;
    if (this.#answersClose && !this.#sentClose) this.sendFrame({ opcode: Opcode.close, payload: frame.payload });
  }

  #onEnd(): void {
    if (this.#hasEnded) return;
    this.#hasEnded = true;
    if (this.#answer !== undefined) this.#readBody(this.#answer, { ended: true });
    if (!this.#isAnswered) {
      const got = JSON.stringify(this.#received.toString("latin1", 0, 200));
      this.#settleAnswer.reject(new Error(`the connection ended without an answer; got ${got}`));
    }
    this.#frames.fail(new Error("the connection ended"));
  }

  #wireClose(): WireClose {
    const payload = this.#closeFrame;
    const wasReset = this.#wasReset;
    if (payload === undefined) return { code: 1006, reason: "", wasReset };
    if (payload.byteLength < 2) return { code: 1005, reason: "", wasReset };
    return { code: payload.readUInt16BE(0), reason: payload.toString("utf8", 2), wasReset };
  }

  #inflate(payload: Buffer): Buffer {
    const keepsWindow = !this.answer.header("sec-websocket-extensions")?.includes("server_no_context_takeover");
    const dictionary = keepsWindow && this.#window.byteLength > 0 ? { dictionary: this.#window } : {};
    const options = { finishFlush: constants.Z_SYNC_FLUSH, ...dictionary };
    const inflated = inflateRawSync(Buffer.concat([payload, DEFLATE_TAIL]), options);
    this.#window = Buffer.concat([this.#window, inflated]).subarray(-32_768);
    return inflated;
  }
}
