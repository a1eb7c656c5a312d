import { MAX_RETRY_AFTER_MS, MIN_LATER_MS, parseRetryAfter, retryOf } from "@upwire/protocol";
import { backoffMs } from "./backoff.ts";
import { systemClock, type Clock, type Timer } from "./clock.ts";
import { socketClass, type Closing, type SocketClass, type SocketLike } from "./socket-like.ts";
import { onWake } from "./wake.ts";

/** What both clients let an application set about their connections. */
export interface LinkOptions {
  /** The class of sockets. Default: the global `WebSocket`, which Node 20 does not have: give the class of the package `ws` there. */
  readonly WebSocket?: SocketClass;
  /** A connection that lasted so long was a good one: after it the first try comes soon. Milliseconds, 5,000 by default. */
  readonly stableMs?: number;
  /** How long an address and a handshake may take. Milliseconds, 10,000 by default. */
  readonly connectTimeoutMs?: number;
  /** Over how long clients spread their first try. Milliseconds, 1,000 by default; what an upwire.v1 server tells replaces it. */
  readonly spreadMs?: number;
  /** For tests: where time comes from. */
  readonly clock?: Clock;
  /** For tests: in place of `Math.random`. */
  readonly random?: () => number;
}

/** What one try needs. */
export interface Target {
  readonly url: string;
  readonly protocols: string[];
}

/** What the owner of a link does; none of these functions throws. */
export interface LinkOwner {
  /** Asked at each try. A throw or a rejection is a failed try. */
  target(): Target | Promise<Target>;
  trying(): void;
  opened(socket: SocketLike): void;
  message(event: { readonly data: unknown }): void;
  /** The `error` event of a socket, or what `target` failed with. */
  failed(error: unknown): void;
  /** The connection, or the try, is over. `retryAt` of the link tells when the next is, or that there is none. */
  down(closing: Closing, how: { readonly opened: boolean; readonly error?: unknown }): void;
  /** The page woke up while the connection is open. */
  woken(): void;
}

const ABNORMAL: Closing = { code: 1006, reason: "", wasClean: false };
/** A page that wakes up again and again tries at most this often. Milliseconds. */
const WAKE_GAP_MS = 1000;

/** Keeps one socket open: tries, waits, and tries again until it is closed or told that another try would not help. */
export class Link {
  /** When the next try is, as milliseconds since 1970; `undefined` while one is under way, while open, and at the end. */
  retryAt: number | undefined;
  /** Set while a handshake is under way or the connection is open. */
  socket: SocketLike | undefined;
  readonly #owner: LinkOwner;
  readonly #class: SocketClass;
  readonly #clock: Clock;
  readonly #random: () => number;
  readonly #stableMs: number;
  readonly #timeoutMs: number;
  readonly #awake = new AbortController();
  #spreadMs = 0;
  #failures = 0;
  /** What belongs to an earlier try is known by its number, and ignored. */
  #round = 0;
  #timer: Timer | undefined;
  #triedAt = 0;
  #openedAt: number | undefined;
  /** What the server told: no try before it, whatever wakes up. */
  #notBefore = 0;
  /** When `upwire.reconnect` said to come back. */
  #toldAt = 0;
  #closing = false;

  constructor(owner: LinkOwner, options: LinkOptions) {
    this.#owner = owner;
    this.#class = socketClass(options.WebSocket);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
    this.#stableMs = options.stableMs ?? 5000;
    this.#timeoutMs = options.connectTimeoutMs ?? 10_000;
    this.spread(options.spreadMs ?? 1000);
    onWake(() => this.#wake(), this.#awake.signal);
    void this.#try();
  }

  /** Takes what a server says: what is no time changes nothing. */
  spread(ms: unknown): void {
    if (typeof ms === "number" && ms >= 0) this.#spreadMs = Math.min(ms, MAX_RETRY_AFTER_MS);
  }

  /** The server will close, and told when to come back. */
  told(ms: unknown): void {
    if (typeof ms === "number" && ms >= 0) this.#toldAt = this.#clock.now() + Math.min(ms, MAX_RETRY_AFTER_MS);
  }

  /** Gives a connection up that is dead without having said so, and a try that takes too long. */
  drop(): void {
    const { socket } = this;
    this.#down(ABNORMAL);
    socket?.close();
  }

  /** The next try is not within `MIN_LATER_MS`. */
  later(): void {
    this.#notBefore = this.#clock.now() + MIN_LATER_MS;
    if (this.retryAt !== undefined && this.retryAt < this.#notBefore) this.#wait(this.#notBefore);
  }

  /** No further try. An open connection says goodbye first, and is over when the server has answered. */
  close(code?: number, reason?: string): void {
    if (this.#openedAt !== undefined) this.socket?.close(code, reason);
    this.#closing = true;
    if (this.#openedAt === undefined) queueMicrotask(() => this.end(ABNORMAL));
  }

  /** No further try, at once. */
  end(closing: Closing, error?: unknown): void {
    if (this.#awake.signal.aborted) return;
    const opened = this.#leave();
    this.#awake.abort();
    this.#owner.down(closing, { opened: opened !== undefined, error });
  }

  async #try(): Promise<void> {
    const round = this.#next();
    this.#triedAt = this.#clock.now();
    this.#timer = this.#clock.after(this.#timeoutMs, () => this.drop());
    this.#owner.trying();
    let target: Target;
    try {
      target = await this.#owner.target();
    } catch (error) {
      if (round !== this.#round) return;
      this.#owner.failed(error);
      this.#down(ABNORMAL);
      return;
    }
    if (round === this.#round) this.#dial(target, round);
  }

  #dial({ url, protocols }: Target, round: number): void {
    let socket: SocketLike;
    try {
      socket = new this.#class(url, protocols);
    } catch (error) {
      // A page may not go there, or a name of a subprotocol is none: the next try would throw the same.
      this.end(ABNORMAL, error);
      return;
    }
    this.socket = socket;
    const owner = this.#owner;
    // The listeners stay until the end: the package ws lets an error without a listener end the process.
    const whileMine =
      <E>(run: (event: E) => void): ((event: E) => void) =>
      (event) => {
        if (round === this.#round) run(event);
      };
    socket.onopen = whileMine(() => {
      this.#timer?.cancel();
      this.#openedAt = this.#clock.now();
      owner.opened(socket);
    });
    socket.onmessage = whileMine((event: { readonly data: unknown }) => owner.message(event));
    socket.onerror = whileMine((event) => owner.failed(event));
    socket.onclose = whileMine((event: Closing) => this.#down(event));
  }

  #down(closing: Closing): void {
    const retry = retryOf(closing.code);
    if (this.#closing || retry === false) {
      this.end(closing);
      return;
    }
    const now = this.#clock.now();
    const openedAt = this.#leave();
    if (openedAt !== undefined && now - openedAt >= this.#stableMs) this.#failures = 0;
    const backoff = backoffMs(this.#failures++, this.#spreadMs, this.#random());
    const told = parseRetryAfter(closing.reason) ?? (this.#toldAt > now ? this.#toldAt - now : undefined);
    this.#toldAt = 0;
    const least = told ?? (retry === "later" ? MIN_LATER_MS : 0);
    this.#notBefore = now + least;
    // A server that says "come back at once" each time, and fails each time, gets its clients back with back-off all the same.
    const wait = told === undefined ? least + backoff : Math.max(told, this.#failures > 1 ? backoff : 0);
    this.#wait(now + wait);
    this.#owner.down(closing, { opened: openedAt !== undefined });
  }

  /** Ends what is under way. @returns when it had opened */
  #leave(): number | undefined {
    const openedAt = this.#openedAt;
    this.#next();
    this.#openedAt = undefined;
    this.socket = undefined;
    return openedAt;
  }

  #next(): number {
    this.#timer?.cancel();
    this.retryAt = undefined;
    return ++this.#round;
  }

  #wait(at: number): void {
    this.#timer?.cancel();
    this.retryAt = at;
    this.#timer = this.#clock.after(at - this.#clock.now(), () => void this.#try());
  }

  #wake(): void {
    if (this.#openedAt !== undefined) this.#owner.woken();
    if (this.retryAt === undefined) return;
    const soonest = Math.max(this.#notBefore, this.#triedAt + WAKE_GAP_MS, this.#clock.now());
    if (soonest < this.retryAt) this.#wait(soonest);
  }
}
