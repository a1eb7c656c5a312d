import type { IncomingHttpHeaders } from "node:http";
import type { WebSocket } from "ws";
import { Channel } from "../channel.ts";
import type { CloseOfServer, NextOptions, TestClient } from "./client.ts";
import { checkClose, checkTime, type ResolvedConnectOptions } from "./options.ts";
import { ReceivedMessage } from "./received-message.ts";

/** The longest that a timer of Node waits: 24 days. */
const NEVER_MS = 2_147_483_647;

/** What a client is made of. */
export interface ClientSetup {
  readonly path: string;
  readonly options: ResolvedConnectOptions;
  /** Settles when the server is closed, if this was its last client. */
  readonly release: () => Promise<void>;
}

/** A client over a `ws` whose handshake is under way: made before the answer, so that no early message is lost. */
export class OpenClient implements TestClient {
  readonly closed: Promise<CloseOfServer>;
  headers: IncomingHttpHeaders = {};
  readonly #ws: WebSocket;
  readonly #setup: ClientSetup;
  readonly #messages = new Channel<ReceivedMessage>();
  /** When the server is closed too, if this was its last client. */
  readonly #released: Promise<void>;
  #taken = 0;
  #last: ReceivedMessage | undefined;
  #end: CloseOfServer | undefined;
  /** What the server sent against RFC 6455, or why the socket failed. */
  #fault: Error | undefined;

  constructor(ws: WebSocket, setup: ClientSetup) {
    this.#ws = ws;
    this.#setup = setup;
    ws.on("message", (data, isBinary) => this.#messages.push(new ReceivedMessage({ bytes: data as Buffer, isBinary })));
    ws.on("error", (error) => {
      this.#fault = error;
    });
    this.closed = new Promise((resolve) => {
      ws.once("close", (code, reason) => {
        this.#end = { code, reason: reason.toString() };
        this.#messages.fail(new Error(this.#endText(this.#end)));
        resolve(this.#end);
      });
    });
    this.#released = this.closed.then(setup.release);
  }

  get subprotocol(): string {
    return this.#ws.protocol;
  }

  send(data: string | Uint8Array): void {
    if (typeof data !== "string" && !ArrayBuffer.isView(data))
      throw new TypeError(`${this.#name}: send takes a string or bytes, not ${data === null ? "null" : typeof data}; write sendJson(value) for JSON`);
    if (this.#ws.readyState !== this.#ws.OPEN) throw new Error(`${this.#name}: send came too late: ${this.#state}`);
    this.#ws.send(data);
  }

  sendJson(value: unknown): void {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined)
      throw new TypeError(`${this.#name}: sendJson: ${typeof value} has no JSON; give null, a boolean, a number, a string, an array or an object`);
    this.send(text);
  }

  async next(options: NextOptions = {}): Promise<ReceivedMessage> {
    const { timeoutMs = this.#setup.options.messageTimeoutMs } = options;
    checkTime("timeoutMs", timeoutMs);
    try {
      return this.#took(await this.#messages.next(timeoutMs));
    } catch (cause) {
      const why = this.#end === undefined ? `none came within ${timeoutMs} ms, and ${this.#state}` : this.#state;
      throw new Error(`${this.#name}: waited for message ${this.#taken + 1}: ${why}; ${this.#before}`, { cause });
    }
  }

  async close(code = 1000, reason = ""): Promise<CloseOfServer> {
    // `ws` would find it out too late, when it counts as closing and can never send another close frame.
    checkClose(code, reason);
    this.#ws.close(code, reason);
    const late = setTimeout(() => this.#ws.terminate(), this.#setup.options.closeTimeoutMs);
    const end = await this.closed;
    clearTimeout(late);
    await this.#released;
    return end;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ReceivedMessage, undefined> {
    for (;;) {
      const message = await this.#nextOrEnd();
      if (message === undefined) return undefined;
      yield this.#took(message);
    }
  }

  /** For a loop, which a test ends by itself: without a deadline. */
  async #nextOrEnd(): Promise<ReceivedMessage | undefined> {
    try {
      return await this.#messages.next(NEVER_MS);
    } catch {
      return undefined;
    }
  }

  #took(message: ReceivedMessage): ReceivedMessage {
    this.#taken++;
    this.#last = message;
    return message;
  }

  get #name(): string {
    return `connectTo(${JSON.stringify(this.#setup.path)})`;
  }

  get #state(): string {
    if (this.#end !== undefined) return this.#endText(this.#end);
    return this.#ws.readyState === this.#ws.OPEN ? "the connection is open" : "the connection is closing";
  }

  get #before(): string {
    return this.#last === undefined ? "no message came before" : `the last one was ${this.#last.toString()}`;
  }

  #endText({ code, reason }: CloseOfServer): string {
    const shownReason = reason === "" ? "" : ` ${JSON.stringify(reason)}`;
    const fault = this.#fault === undefined ? "" : ` (${this.#fault.message})`;
    return `the connection ended with ${code}${shownReason}${fault}`;
  }
}
