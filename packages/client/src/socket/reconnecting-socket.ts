import { webSocketAddress } from "../link/address.ts";
import { createLink, type Link, type LinkOptions, type Target } from "../link/link.ts";
import { SendQueue, type SocketData } from "./send-queue.ts";
import { eventOf, type SocketEvents } from "./socket-events.ts";

/** What a `ReconnectingSocket` may be given. */
export interface ReconnectingSocketOptions extends LinkOptions {
  /** How many messages wait for a connection at most; `send` throws a RangeError for one more. Default: 100. */
  readonly maxQueue?: number;
}

type Given<T> = T | (() => T | Promise<T>);
type Handler<K extends keyof SocketEvents> = ((event: SocketEvents[K]) => void) | null;

const CONNECTING = 0;
const OPEN = 1;
const CLOSED = 3;

/**
 * A `WebSocket` that comes back. It has the same properties, methods, events and constants, with these differences:
 * - `open` and `close` are fired each time. After a `close` whose `retryAt` is set `readyState` is CONNECTING, and another
 *   `open` follows; after one without it is CLOSED, and nothing follows.
 * - `send` keeps up to `maxQueue` messages while CONNECTING, where a `WebSocket` throws. They go out in order at the next
 *   `open`, behind what its listeners send. What was sent before the connection broke may be lost.
 * - It stops for good after `close()` and after close codes that say that another try would not help.
 */
export class ReconnectingSocket extends EventTarget {
  static readonly CONNECTING = 0;
  static readonly OPEN = 1;
  static readonly CLOSING = 2;
  static readonly CLOSED = 3;
  readonly CONNECTING = 0;
  readonly OPEN = 1;
  readonly CLOSING = 2;
  readonly CLOSED = 3;
  onopen: Handler<"open"> = null;
  onmessage: Handler<"message"> = null;
  onerror: Handler<"error"> = null;
  onclose: Handler<"close"> = null;
  /** The address of the last try; empty before the first one has one. */
  url = "";
  readonly #url: Given<string | URL>;
  readonly #protocols: Given<string | string[]>;
  readonly #queue: SendQueue;
  readonly #link: Link;
  #binaryType: "blob" | "arraybuffer" = "blob";
  #isOver = false;

  /**
   * @param url Functions are asked at each try; what they fail with is an `error` event and a failed try.
   * @throws TypeError for what is no URL, and where there is no `WebSocket`
   */
  constructor(url: Given<string | URL>, protocols: Given<string | string[]> = [], options: ReconnectingSocketOptions = {}) {
    super();
    if (typeof url !== "function") this.url = webSocketAddress(url);
    this.#url = url;
    this.#protocols = protocols;
    this.#queue = new SendQueue(options.maxQueue ?? 100);
    for (const type of ["open", "message", "error", "close"] as const) {
      super.addEventListener(type, (event) => this[`on${type}`]?.(event as never));
    }
    this.#link = createLink(
      {
        target: () => this.#target(),
        trying: () => {},
        opened: (socket) => {
          socket.binaryType = this.#binaryType;
          this.dispatchEvent(new Event("open"));
          for (const data of this.#queue.take()) this.send(data);
        },
        message: ({ data, origin = "", lastEventId = "" }) => void this.dispatchEvent(eventOf("message", { data, origin, lastEventId })),
        failed: (error) => void this.dispatchEvent(Object.assign(new Event("error"), { error })),
        down: ({ code, reason, wasClean }, { retryAt }) => {
          this.#isOver = retryAt === undefined;
          this.dispatchEvent(eventOf("close", { code, reason, wasClean, retryAt }));
        },
        woken: () => {},
      },
      options,
    );
  }

  get readyState(): number {
    if (this.#isOver) return CLOSED;
    return this.#link.socket()?.readyState ?? CONNECTING;
  }

  /** Of the connection; empty while there is none. */
  get protocol(): string {
    return this.#link.socket()?.protocol ?? "";
  }

  /** Of the connection; empty while there is none. */
  get extensions(): string {
    return this.#link.socket()?.extensions ?? "";
  }

  /** What waits for a connection is counted. */
  get bufferedAmount(): number {
    return (this.#link.socket()?.bufferedAmount ?? 0) + this.#queue.bytes;
  }

  get binaryType(): "blob" | "arraybuffer" {
    return this.#binaryType;
  }

  set binaryType(type: "blob" | "arraybuffer") {
    this.#binaryType = type;
    const socket = this.#link.socket();
    if (socket) socket.binaryType = type;
  }

  /** @throws RangeError while more than `maxQueue` messages wait for a connection */
  send(data: SocketData): void {
    const { readyState } = this;
    if (readyState === CONNECTING) this.#queue.add(data);
    else if (readyState === OPEN) this.#link.socket()?.send(data as ArrayBuffer);
  }

  /**
   * Ends it for good.
   * @throws what `close` of a `WebSocket` throws for a code or a reason that may not be, while open
   */
  close(code?: number, reason?: string): void {
    this.#link.close(code, reason);
  }

  async #target(): Promise<Target> {
    this.url = webSocketAddress(typeof this.#url === "function" ? await this.#url() : this.#url);
    const protocols = typeof this.#protocols === "function" ? await this.#protocols() : this.#protocols;
    return { url: this.url, protocols: [protocols].flat() };
  }
}
