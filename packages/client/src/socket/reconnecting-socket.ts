import { valueOf, webSocketAddress, type Given } from "../link/address.ts";
import { createLink, type Link, type LinkOptions } from "../link/link.ts";
import type { SocketLike } from "../link/socket-like.ts";
import type { SocketEvents, SocketListener, SocketListenOptions } from "./socket-events.ts";

/** What a `ReconnectingSocket` may be given. */
export interface ReconnectingSocketOptions extends LinkOptions {
  /** How many messages wait for a connection at most; `send` throws a RangeError for one more. Default: 100. */
  readonly maxQueue?: number;
}

/** What `send` of a `WebSocket` takes. */
export type SocketData = string | ArrayBuffer | ArrayBufferView | Blob;

type Handler<K extends keyof SocketEvents> = ((event: SocketEvents[K]) => void) | null;

/** Types of listeners by the name of the event, as a `WebSocket` has them. */
// oxlint-disable-next-line typescript/no-unsafe-declaration-merging -- types alone: `EventTarget` has the method
export interface ReconnectingSocket {
  addEventListener<K extends keyof SocketEvents>(type: K, listener: SocketListener<SocketEvents[K]> | null, options?: SocketListenOptions | boolean): void;
  addEventListener(type: string, listener: SocketListener<Event> | null, options?: SocketListenOptions | boolean): void;
}

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
  declare onopen: Handler<"open">;
  declare onmessage: Handler<"message">;
  declare onerror: Handler<"error">;
  declare onclose: Handler<"close">;
  /** The address of the last try; empty before the first one has one. */
  url = "";
  readonly #link: Link;
  /** Set while open. */
  #socket: SocketLike | undefined;
  #binaryType: "blob" | "arraybuffer" = "blob";
  /** What waits for a connection. */
  #queue: SocketData[] = [];
  readonly #maxQueue: number;
  #isOver = false;

  /**
   * @param url Functions are asked at each try; what they fail with is an `error` event and a failed try.
   * @throws TypeError for what is no URL, and where there is no `WebSocket`
   */
  constructor(url: Given<string | URL>, protocols: Given<string | string[]> = [], options: ReconnectingSocketOptions = {}) {
    super();
    if (typeof url !== "function") this.url = webSocketAddress(url);
    this.#maxQueue = options.maxQueue ?? 100;
    for (const type of ["open", "message", "error", "close"] as const) {
      this[`on${type}`] = null;
      this.addEventListener(type, (event) => this[`on${type}`]?.(event as never));
    }
    const fire = (type: string, members?: object): void => void this.dispatchEvent(Object.assign(new Event(type), members));
    this.#link = createLink(
      {
        target: async () => ({
          url: (this.url = webSocketAddress(await valueOf(url))),
          protocols: [await valueOf(protocols)].flat(),
        }),
        opened: (socket) => {
          this.#socket = socket;
          socket.binaryType = this.#binaryType;
          fire("open");
          for (const data of this.#queue.splice(0)) this.send(data);
        },
        // A copy, since an event that was fired cannot be fired again.
        message: (event) => void this.dispatchEvent(new MessageEvent("message", event)),
        failed: (error) => fire("error", { error }),
        down: ({ code, reason, wasClean }, retryAt) => {
          this.#socket = undefined;
          this.#isOver = !retryAt;
          fire("close", { code, reason, wasClean, retryAt });
        },
      },
      options,
    );
  }

  get readyState(): 0 | 1 | 2 | 3 {
    return this.#isOver ? 3 : (this.#socket?.readyState ?? 0);
  }

  /** Of the connection; empty while there is none. */
  get protocol(): string {
    return this.#socket?.protocol ?? "";
  }

  /** Of the connection; empty while there is none. */
  get extensions(): string {
    return this.#socket?.extensions ?? "";
  }

  /** What waits for a connection is counted. */
  get bufferedAmount(): number {
    return this.#socket?.bufferedAmount ?? new Blob(this.#queue as BlobPart[]).size;
  }

  get binaryType(): "blob" | "arraybuffer" {
    return this.#binaryType;
  }

  set binaryType(type: "blob" | "arraybuffer") {
    this.#binaryType = type;
    if (this.#socket) this.#socket.binaryType = type;
  }

  /** @throws RangeError while `maxQueue` messages wait for a connection */
  send(data: SocketData): void {
    if (this.#socket) this.#socket.send(data as string);
    else if (this.#isOver) return;
    else if (this.#queue.length >= this.#maxQueue) throw new RangeError("over maxQueue");
    // As `send` promises, what the caller does with its buffer afterwards changes nothing.
    else this.#queue.push(structuredClone(data));
  }

  /**
   * Ends it for good.
   * @throws what `close` of a `WebSocket` throws for a code or a reason that may not be, while open
   */
  close(code?: number, reason?: string): void {
    this.#link.close(code, reason);
  }
}
