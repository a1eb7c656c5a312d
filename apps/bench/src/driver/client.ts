import { connect, type Socket } from "node:net";
import type { Dialect } from "./dialect.ts";
import { FrameReader, type FrameSink } from "./frame-reader.ts";
import { maskedFrame } from "./masked-frame.ts";
import { Opening } from "./opening.ts";

/** What all clients of a swarm have in common. */
export interface ClientHost {
  readonly port: number;
  readonly deflate: boolean;
  /** Length of the messages that are to come. */
  readonly messageBytes: number;
  /** Read into by every socket in turn, so that reading allocates nothing. */
  readonly readBuffer: Buffer;
  beforeRead(): void;
  afterRead(): void;
  stamped(client: number, data: Buffer, at: number): void;
  message(client: Client, payload: Buffer, compressed: boolean): void;
  /** Before it was open, or afterwards against our will. */
  gone(client: Client, why: string): void;
}

/** One WebSocket client on a bare socket. */
export class Client implements FrameSink {
  readonly index: number;
  /** How many chunks it read. */
  reads = 0;
  readonly #host: ClientHost;
  readonly #dialect: Dialect;
  readonly #socket: Socket;
  readonly #reader: FrameReader;
  #opening: Opening | undefined;
  #isOpen = false;
  #onOpen: () => void = () => {};
  #toSend: Buffer[] = [];

  constructor(index: number, host: ClientHost, dialect: Dialect, room?: number) {
    this.index = index;
    this.#host = host;
    this.#dialect = dialect;
    this.#reader = new FrameReader(this, host.messageBytes);
    this.#opening = new Opening(host.port, dialect.target(room), { deflate: host.deflate, subprotocol: dialect.subprotocol });
    this.#socket = connect({
      host: "127.0.0.1",
      port: host.port,
      noDelay: true,
      // One address has about 28,000 ports to give, and the kernel is slow to find one when half of them are taken.
      ...(index >= 10_000 ? { localAddress: `127.0.0.${2 + Math.floor(index / 10_000)}` } : {}),
      onread: { buffer: host.readBuffer, callback: (bytes) => this.#read(bytes) },
    });
    this.#socket.on("connect", () => this.#socket.write(this.#opening?.request ?? ""));
    this.#socket.on("error", (error) => this.ended(error.message));
    this.#socket.on("end", () => this.ended("the server ended TCP"));
    this.#socket.on("close", () => this.ended("the socket closed"));
  }

  opened(): Promise<void> {
    return new Promise((resolve) => {
      if (this.#isOpen) resolve();
      else this.#onOpen = resolve;
    });
  }

  /** Frames queued between two calls of `flush` leave in one write. @returns whether it is the first of them. */
  queue(frame: Buffer): boolean {
    return this.#toSend.push(frame) === 1;
  }

  flush(): void {
    const [first, ...others] = this.#toSend;
    this.#toSend = [];
    if (first !== undefined) this.#socket.write(others.length === 0 ? first : Buffer.concat([first, ...others]));
  }

  /** Reads no more: the client that every server has to survive. */
  stopReading(): void {
    this.#socket.pause();
  }

  resumeReading(): void {
    this.#socket.resume();
  }

  /** A reset, so that no port stays in TIME_WAIT. */
  reset(): void {
    this.#socket.removeAllListeners("close").removeAllListeners("end");
    this.#socket.resetAndDestroy();
  }

  expected(data: Buffer, at: number): void {
    this.#host.stamped(this.index, data, at);
  }

  message(payload: Buffer, compressed: boolean): void {
    if (this.#isOpen) {
      const reply = compressed ? undefined : this.#dialect.reply(payload);
      if (reply === undefined) this.#host.message(this, payload, compressed);
      else this.#socket.write(maskedFrame(1, Buffer.from(reply)));
      return;
    }
    const answer = this.#dialect.greeting?.(payload.toString());
    if (answer?.reply !== undefined) this.#socket.write(maskedFrame(1, Buffer.from(answer.reply)));
    if (answer?.open === true) this.#open();
  }

  ping(payload: Buffer): void {
    this.#socket.write(maskedFrame(10, Buffer.from(payload)));
  }

  ended(why: string): void {
    this.#host.gone(this, why);
    this.#socket.destroy();
  }

  #read(bytes: number): boolean {
    this.reads++;
    const { readBuffer } = this.#host;
    if (this.#opening !== undefined) {
      this.#readOpening(readBuffer.subarray(0, bytes));
      return true;
    }
    this.#host.beforeRead();
    this.#reader.read(readBuffer, bytes);
    this.#host.afterRead();
    return true;
  }

  #readOpening(chunk: Buffer): void {
    try {
      const rest = this.#opening?.read(chunk);
      if (rest === undefined) return;
      this.#opening = undefined;
      if (this.#dialect.greeting === undefined) this.#open();
      if (rest.length > 0) this.#reader.read(rest, rest.length);
    } catch (error) {
      this.ended(error instanceof Error ? error.message : String(error));
    }
  }

  #open(): void {
    this.#isOpen = true;
    this.#onOpen();
  }
}
