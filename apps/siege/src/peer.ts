import { randomBytes } from "node:crypto";
import { connect, type Socket } from "node:net";
import { closePayload, encodeClientFrame, Opcode, resetSocket } from "@upwire/testing";
import { FrameScanner } from "./frame-scanner.ts";

export interface PeerOptions {
  readonly port: number;
  /** @default "/ws" */
  readonly path?: string;
  /** Lines of the handshake, added to those it needs. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Spreads many clients over many addresses, so that ports do not run out. */
  readonly sourceAddress?: string | undefined;
  /** Answers pings and the close frame, as a good client does; otherwise it reads and does nothing. @default true */
  readonly answers?: boolean;
  /** `payload` is valid during the call only. */
  readonly onMessage?: (payload: Buffer, length: number) => void;
  readonly onPong?: (payload: Buffer) => void;
}

/** How the TCP connection ended, and the server's close frame. */
export interface PeerEnd {
  /** 1005 when the close frame carried no code, 1006 when there was none. */
  readonly code: number;
  readonly reason: string;
  /** `performance.now()` when the close frame came, or the end without one. */
  readonly at: number;
}

/** Linux answers on every address of 127.0.0.0/8; elsewhere there is one. */
export function sourceAddress(index: number): string | undefined {
  return process.platform === "linux" ? `127.0.0.${2 + (index % 200)}` : undefined;
}

/** All sockets are read into it: nobody keeps what is in it. */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024);

/** A WebSocket client that costs little: thousands of them fit into one process. */
export class Peer {
  readonly socket: Socket;
  /** Settles with the HTTP status; 0 when the connection ended without an answer. Never rejects. */
  readonly answered: Promise<number>;
  /** Settles when the TCP connection is over. Never rejects. */
  readonly ended: Promise<PeerEnd>;
  /** `performance.now()` when the answer came. */
  openedAt: number = Number.NaN;
  readonly #options: PeerOptions;
  readonly #scanner = new FrameScanner((opcode, payload, length) => this.#onFrame(opcode, payload, length));
  #head = "";
  #isOpen = false;
  #settleAnswer!: (status: number) => void;
  #end: PeerEnd | undefined;
  #sentClose = false;

  constructor(options: PeerOptions) {
    this.#options = options;
    this.answered = new Promise((resolve) => (this.#settleAnswer = resolve));
    const { port, sourceAddress: localAddress } = options;
    this.socket = connect({
      port,
      host: "127.0.0.1",
      ...(localAddress !== undefined && { localAddress }),
      noDelay: true,
      onread: { buffer: readBuffer, callback: (count, buffer) => this.#onData(Buffer.from(buffer.buffer, buffer.byteOffset, count)) },
    });
    this.socket.on("error", () => {});
    this.socket.once("connect", () => this.socket.write(handshakeText(options)));
    this.ended = new Promise((resolve) => {
      this.socket.once("close", () => {
        this.#settleAnswer(0);
        resolve((this.#end ??= { code: 1006, reason: "", at: performance.now() }));
      });
    });
  }

  /** Connects and waits for the 101. @throws Error for another answer. */
  static async open(options: PeerOptions): Promise<Peer> {
    const peer = new Peer(options);
    const status = await peer.answered;
    if (status !== 101) throw new Error(`the handshake was answered with ${status}`);
    return peer;
  }

  send(text: string): void {
    this.socket.write(encodeClientFrame({ opcode: Opcode.text, payload: text }));
  }

  /** Starts the close handshake. */
  close(code = 1000): Promise<PeerEnd> {
    this.#sentClose = true;
    this.socket.write(encodeClientFrame({ opcode: Opcode.close, payload: closePayload(code) }));
    return this.ended;
  }

  reset(): Promise<PeerEnd> {
    resetSocket(this.socket);
    return this.ended;
  }

  #onData(chunk: Buffer): boolean {
    if (this.#isOpen) {
      this.#scanner.push(chunk);
      return true;
    }
    this.#head += chunk.toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end < 0) return true;
    const status = Number(this.#head.slice(9, 12));
    const rest = Buffer.from(this.#head.slice(end + 4), "latin1");
    this.#head = "";
    this.#isOpen = status === 101;
    this.openedAt = performance.now();
    this.#settleAnswer(status);
    if (this.#isOpen && rest.byteLength > 0) this.#scanner.push(rest);
    return true;
  }

  #onFrame(opcode: number, payload: Buffer, length: number): void {
    const { answers = true, onMessage, onPong } = this.#options;
    if (opcode < Opcode.close) return onMessage?.(payload, length);
    if (opcode === Opcode.pong) return onPong?.(payload);
    if (opcode === Opcode.close) {
      const hasCode = payload.byteLength >= 2;
      this.#end ??= { code: hasCode ? payload.readUInt16BE(0) : 1005, reason: payload.toString("utf8", 2), at: performance.now() };
      if (this.#sentClose || !answers) return;
      this.#sentClose = true;
    }
    if (answers) this.socket.write(encodeClientFrame({ opcode: opcode === Opcode.ping ? Opcode.pong : opcode, payload }));
  }
}

function handshakeText({ port, path = "/ws", headers = {} }: PeerOptions): string {
  const lines = Object.entries({
    Host: `127.0.0.1:${port}`,
    Upgrade: "websocket",
    Connection: "Upgrade",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": randomBytes(16).toString("base64"),
    ...headers,
  });
  return `GET ${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join("")}\r\n`;
}
