import { once } from "node:events";
import { connect as connectTcp, type Socket } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";
import { encodeClientFrame, type FrameInit } from "../client-frame.ts";
import { resetSocket } from "../reset-socket.ts";
import { ServerFrames, type Frame } from "../server-frames.ts";
import { HttpReader, type WholeResponse } from "./http-reader.ts";

/** Longer than a busy machine takes for anything: what has not come by then will not come. */
const PATIENCE_MS = 10_000;

const VERSION = "HTTP/1.1 ";

/** A client that sends what it is told, and reads first responses, then what follows a 101. */
export class StateClient {
  readonly socket: Socket;
  /** What TLS runs on; else the same. */
  readonly #tcp: Socket;
  readonly #reader = new HttpReader();
  readonly #parser = new ServerFrames();
  readonly #frames: Frame[] = [];
  readonly #raw: Buffer[] = [];
  #taken = 0;
  #failure: Error | undefined;
  #isOver = false;
  #wake: () => void = () => {};

  private constructor(socket: Socket, tcp: Socket) {
    this.socket = socket;
    this.#tcp = tcp;
    tcp.on("error", () => {});
    socket.on("data", (bytes: Buffer) => {
      this.#raw.push(bytes);
      try {
        this.#reader.push(bytes);
      } catch (error) {
        this.#failure ??= error as Error;
      }
      this.#wake();
    });
    // A reset ends the connection too.
    socket.on("error", () => {});
    for (const end of ["end", "close"]) {
      socket.on(end, () => {
        this.#isOver = true;
        this.#reader.end();
        this.#wake();
      });
    }
  }

  /** @param trust With one, by TLS. */
  static async connect(port: number, trust?: SecureContext): Promise<StateClient> {
    const tcp = connectTcp({ port, host: "127.0.0.1" });
    await once(tcp, "connect");
    tcp.setNoDelay(true);
    if (trust === undefined) return new StateClient(tcp, tcp);
    const secure = connectTls({ socket: tcp, secureContext: trust, rejectUnauthorized: false });
    await once(secure, "secureConnect");
    return new StateClient(secure, tcp);
  }

  /** Whether the server has ended its side. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether something came that `response` has not given out. */
  get hasMore(): boolean {
    return this.#reader.responses.length > this.#taken || this.#reader.isAmid || this.#reader.rest.byteLength > 0;
  }

  /** All that came, of whatever. */
  get received(): Buffer {
    return Buffer.concat(this.#raw);
  }

  /** Of all responses that came, also those within the body of another, with their places in `received`. */
  get statuses(): readonly { readonly at: number; readonly status: string }[] {
    const { received } = this;
    const found = [];
    for (let at = received.indexOf(VERSION); at >= 0; at = received.indexOf(VERSION, at + 1)) {
      found.push({ at, status: received.toString("latin1", at + VERSION.length, at + VERSION.length + 3) });
    }
    return found;
  }

  send(...parts: readonly (string | Buffer)[]): void {
    this.socket.write(Buffer.concat(parts.map((part) => Buffer.from(part as string))));
  }

  sendFrame(frame: FrameInit): void {
    this.socket.write(encodeClientFrame(frame));
  }

  /** Resets the TCP connection. */
  reset(): void {
    resetSocket(this.#tcp);
  }

  /** The next response, once it is whole. Rejects when none comes. */
  async response(what: string): Promise<WholeResponse> {
    await this.#untilSound(`the response to ${what}`, () => this.#reader.responses.length > this.#taken);
    return this.#reader.responses[this.#taken++] as WholeResponse;
  }

  /** Settles once the body that is on its way has `bytes` bytes. */
  async body(bytes: number): Promise<void> {
    await this.#untilSound(`${bytes} bytes of a body`, () => this.#reader.bodyBytes >= bytes);
  }

  /** Settles once the bytes that came, of whatever, hold `text`. */
  async text(text: string): Promise<void> {
    let read = 0;
    let last = "";
    await this.#until(JSON.stringify(text), () => {
      for (const bytes of this.#raw.slice(read)) {
        read++;
        last += bytes.toString("latin1");
        if (last.includes(text)) return true;
        last = last.slice(-text.length);
      }
      return false;
    });
  }

  /** The next frame behind a 101. Rejects for bytes that are no frame of a server. */
  async frame(): Promise<Frame> {
    const read = (): boolean => {
      this.#frames.push(...this.#parser.push(this.#reader.rest));
      this.#reader.rest = Buffer.alloc(0);
      this.#failure ??= this.#parser.violations.length > 0 ? new Error(`behind the 101: ${this.#parser.violations.join(", ")}`) : undefined;
      return this.#frames.length > 0;
    };
    await this.#untilSound("a frame", read);
    return this.#frames.shift() as Frame;
  }

  /** Settles once the server has ended its side, whatever came before. */
  async over(): Promise<void> {
    await this.#until("the end of the connection", () => this.#isOver);
  }

  /** Settles once the server has ended its side. Rejects when more came than was asked for. */
  async end(): Promise<void> {
    await this.#untilSound("the end of the connection", () => this.#isOver);
    if (this.#reader.isSwitched) this.#frames.push(...this.#parser.push(this.#reader.rest));
    else if (this.hasMore) throw new Error(`before the end more came: ${this.summary}`);
    if (this.#parser.violations.length > 0) throw new Error(`before the end: ${this.#parser.violations.join(", ")}`);
  }

  /** The same for what is to be responses and frames. */
  async #untilSound(what: string, isThere: () => boolean): Promise<void> {
    await this.#until(what, () => this.#failure !== undefined || isThere());
    if (this.#failure !== undefined) throw this.#failure;
  }

  async #until(what: string, isThere: () => boolean): Promise<void> {
    const end = performance.now() + PATIENCE_MS;
    while (!isThere()) {
      if (this.#isOver) throw new Error(`the connection ended in place of ${what}; so far ${this.summary}`);
      await new Promise<void>((resolve, reject) => {
        const giveUp = (): void => reject(new Error(`${what} did not come; so far ${this.summary}`));
        const timer = setTimeout(giveUp, end - performance.now());
        this.#wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  }

  /** For failures: the status lines that came, and the last bytes. */
  get summary(): string {
    const statuses = this.statuses.map(({ status }) => status);
    return `statuses ${statuses.join(", ") || "none"}, ending in ${JSON.stringify(this.received.toString("latin1").slice(-20))}`;
  }
}
