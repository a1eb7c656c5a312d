import type { SocketClass, SocketLike } from "@upwire/client";
import { settle } from "./fake-clock.ts";

type Handler = ((event: never) => void) | null;

/** One socket as the client sees it, with the other end in the hands of the test. */
export class FakeSocket implements SocketLike {
  readyState: 0 | 1 | 2 | 3 = 0;
  protocol = "";
  extensions = "";
  bufferedAmount = 0;
  binaryType = "blob";
  onopen: Handler = null;
  onmessage: Handler = null;
  onerror: Handler = null;
  onclose: Handler = null;
  readonly url: string;
  readonly protocols: readonly string[];
  /** What the client sent, text parsed as JSON. */
  readonly sent: unknown[] = [];
  /** With what the client closed it. */
  closedWith: readonly [number | undefined, string | undefined] | undefined;

  constructor(url: string, protocols: readonly string[] = []) {
    this.url = url;
    this.protocols = protocols;
  }

  send(data: unknown): void {
    if (this.readyState === 0) throw new Error("InvalidStateError");
    this.sent.push(typeof data === "string" && data.startsWith("{") ? JSON.parse(data) : data);
  }

  close(code?: number, reason?: string): void {
    if (code !== undefined && code !== 1000 && !(code >= 3000 && code <= 4999)) throw new Error("InvalidAccessError");
    this.closedWith ??= [code, reason];
    if (this.readyState < 2) this.readyState = 2;
  }

  /** The server accepts. */
  accept(protocol: string = this.protocols[0] ?? ""): this {
    this.readyState = 1;
    this.protocol = protocol;
    this.#fire(this.onopen, { type: "open" });
    return this;
  }

  /** A message of the server. */
  message(data: unknown): void {
    this.#fire(this.onmessage, { type: "message", data: data instanceof ArrayBuffer || typeof data === "string" ? data : JSON.stringify(data) });
  }

  hello(payload: object = {}): this {
    this.message({ type: "upwire.hello", payload: { connectionId: "c1", pingIntervalMs: 25_000, spreadMs: 0, limits: {}, ...payload } });
    return this;
  }

  /** The connection is over. */
  end(code = 1006, reason = ""): void {
    this.readyState = 3;
    this.#fire(this.onclose, { type: "close", code, reason, wasClean: code !== 1006 });
  }

  /** The handshake failed. */
  refuse(): void {
    this.#fire(this.onerror, { type: "error" });
    this.end();
  }

  /** The frames sent of this type, and with `re` for cancels. */
  frames(type: string): Record<string, unknown>[] {
    return this.sent.filter((frame): frame is Record<string, unknown> => (frame as { type?: unknown }).type === type);
  }

  #fire(handler: Handler, event: object): void {
    handler?.(event as never);
  }
}

/** A class of sockets that notes each one made. */
export class FakeNetwork {
  readonly sockets: FakeSocket[] = [];
  readonly WebSocket: SocketClass;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends FakeSocket {
      constructor(url: string, protocols: string[]) {
        super(url, protocols);
        sockets.push(this);
      }
    };
  }

  /** The newest. */
  get socket(): FakeSocket {
    const newest = this.sockets.at(-1);
    if (!newest) throw new Error("no socket was made yet");
    return newest;
  }

  /** The newest, once the client has asked for its address. */
  async dialled(): Promise<FakeSocket> {
    await settle();
    return this.socket;
  }
}
