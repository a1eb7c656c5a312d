import { Backlog } from "./backlog.ts";
import type { Engine, EngineEvents, FragmentPosition } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import { StreamedMessage } from "./incoming-stream.ts";
import { Message } from "./message.ts";
import { inNoContext } from "./no-context.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import { readFault } from "./ws-reader.ts";

/** The part of a `WebSocket` of the `ws` package that upwire uses; every version 8 has it. */
export interface WebSocketLike {
  readonly readyState: number;
  readonly bufferedAmount: number;
  readonly protocol: string;
  send(data: Uint8Array, options: { readonly binary: boolean; readonly fin?: boolean }, done?: (error?: Error) => void): void;
  ping(data: Uint8Array): void;
  close(code?: number, reason?: string): void;
  terminate(): void;
  pause(): void;
  resume(): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): unknown;
  on(event: "ping" | "pong", listener: (data: Buffer) => void): unknown;
  on(event: "error", listener: (error: Error) => void): unknown;
  on(event: "close", listener: (code: number, reason: Buffer) => void): unknown;
}

/** `readyState` of `ws`. */
export const OPEN = 1;
const CLOSED = 3;

interface AdoptedSetup {
  readonly limits: { readonly maxMessageBytes: number };
  /** Each message is given as a stream: of one chunk, since `ws` puts it together. */
  readonly streams: boolean;
  readonly now: () => number;
}

/** A `ws` object of a server that is not ours: `ws` frames, answers pings and closes; the rest is the same. */
export class AdoptedEngine implements Engine {
  readonly outbox = undefined;
  readonly #ws: WebSocketLike;
  readonly #maxMessageBytes: number;
  readonly #streams: boolean;
  readonly #now: () => number;
  /** What waits for a client that is behind: each message that `ws` holds would take a kilobyte, however short it is. */
  readonly #waiting = new Backlog();
  #unsent = 0;
  #blockedSince = 0;
  #failure: ConnectionError | undefined;
  #sentClose: { readonly code: number; readonly reason: string } | undefined;
  #events: EngineEvents | undefined;

  constructor(ws: WebSocketLike, { limits, streams, now }: AdoptedSetup) {
    this.#ws = ws;
    this.#maxMessageBytes = limits.maxMessageBytes;
    this.#streams = streams;
    this.#now = now;
  }

  get bufferedBytes(): number {
    return this.#ws.bufferedAmount + this.#waiting.bytes;
  }

  get queuedMessages(): number {
    return this.#unsent + this.#waiting.size;
  }

  get blockedSince(): number {
    return this.#blockedSince;
  }

  /** `ws` does not tell. */
  readonly partialSince = 0;

  /** Neither of this. */
  readonly isBehind = false;

  start(events: EngineEvents): void {
    inNoContext(() => this.#start(events));
  }

  #start(events: EngineEvents): void {
    this.#events = events;
    const ws = this.#ws;
    ws.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on("ping", (data) => {
      events.alive();
      events.ping(data);
    });
    ws.on("pong", (data) => {
      events.alive();
      events.pong(data);
    });
    ws.on("error", (error) => this.#fail(readFault(error)));
    ws.on("close", (code, reason) => inNoContext(() => this.#onClose(code, reason.toString("utf8"))));
    if (ws.readyState === CLOSED) this.#onClose(1006, "");
    else ws.resume();
  }

  send(message: PreparedMessage): void {
    if (this.#blockedSince === 0) this.#write(message.payload, { binary: message.isBinary });
    else if (this.#ws.readyState === OPEN) this.#waiting.push(message, undefined);
  }

  sendFragment(data: Buffer, { isBinary, last }: FragmentPosition): void {
    this.#pass();
    this.#write(data, { binary: isBinary, fin: last });
  }

  flush(): void {
    // `ws` gives everything to the socket at once.
  }

  ping(data: Buffer): void {
    if (this.#ws.readyState === OPEN) this.#ws.ping(data);
  }

  close(code: number, reason: string): void {
    this.#pass();
    this.#sentClose ??= { code, reason };
    if (code === 1005) this.#ws.close();
    else this.#ws.close(code, reason);
    this.resume();
  }

  discard(): void {
    // What `ws` was given is in the socket already.
    this.#waiting.clear();
  }

  terminate(): void {
    this.#ws.terminate();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    // What was read already is delivered in the context of this call.
    inNoContext(() => this.#ws.resume());
  }

  #write(data: Buffer, options: { readonly binary: boolean; readonly fin?: boolean }): void {
    if (this.#ws.readyState !== OPEN) return;
    this.#unsent++;
    this.#ws.send(data, options, this.#onWritten);
    if (this.#blockedSince === 0 && this.#ws.bufferedAmount > 0) this.#blockedSince = this.#now();
  }

  readonly #onWritten = (): void => {
    this.#unsent--;
    if (this.#blockedSince === 0 || this.#ws.bufferedAmount > 0) return;
    this.#blockedSince = 0;
    while (this.#waiting.size > 0 && this.#blockedSince === 0) this.#sendNext();
    if (this.#blockedSince === 0) this.#events?.drain();
  };

  /** Gives `ws` all that waits, before a frame that must come last. */
  #pass(): void {
    while (this.#waiting.size > 0) this.#sendNext();
  }

  #sendNext(): void {
    const message = this.#waiting.shift();
    if (message !== undefined) this.#write(message.payload, { binary: message.isBinary });
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#events?.alive();
    if (this.#failure !== undefined) return;
    // The limit of its server holds for all of its routes; this one is the route's.
    if (data.byteLength > this.#maxMessageBytes) return this.#fail(new ConnectionError("ERR_MESSAGE_TOO_BIG"));
    const message = new Message(data, isBinary);
    if (!this.#streams) return this.#events?.message(message);
    this.#events?.stream(StreamedMessage.of(message));
    this.#events?.streamBytes(data.byteLength);
  }

  #fail(error: ConnectionError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#events?.fail(error);
  }

  #onClose(code: number, reason: string): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    this.#waiting.clear();
    if (code !== 1006) return events.closed({ code, reason, wasClean: true });
    // `ws` forgets what it sent when the peer does not answer.
    events.closed({ ...(this.#sentClose ?? { code, reason }), wasClean: false });
  }
}
