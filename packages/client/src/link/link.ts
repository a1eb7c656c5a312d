/* oxlint-disable unicorn/prefer-add-event-listener -- one listener of each kind, on a socket that nothing else knows; it is smaller */
import { MAX_RETRY_AFTER_MS, MIN_LATER_MS, parseRetryAfter, retryOf } from "@upwire/protocol";
import { backoffMs } from "./backoff.ts";
import { systemClock, type Clock, type Timer } from "./clock.ts";
import type { Closing, SocketClass, SocketLike } from "./socket-like.ts";
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
interface Target {
  readonly url: string;
  readonly protocols: string[];
}

/** The part of a `MessageEvent` that is used; sockets outside of browsers may leave out all but `data`. */
interface MessageLike {
  readonly data: unknown;
  readonly origin?: string;
  readonly lastEventId?: string;
}

/** What the owner of a link does and knows; none of these functions throws. */
export interface LinkOwner {
  /** Asked when a try begins. A throw or a rejection is a failed try. */
  target(): Promise<Target>;
  opened(socket: SocketLike): void;
  readonly message: (event: MessageLike) => void;
  /** The `error` event of a socket, or what `target` failed with. */
  readonly failed: (error: unknown) => void;
  /**
   * The connection, or the try, is over.
   * @param retryAt When the next try is, milliseconds since 1970; `undefined` when there is none.
   */
  down(closing: Closing, retryAt: number | undefined): void;
  /** The page woke up while the connection is open. */
  readonly woken?: () => void;
  /** What the server says, which goes before the option. Milliseconds. */
  spreadMs?: number | undefined;
  /** When to come back, as the server told it before the end of the connection; counted from that. Milliseconds. */
  toldMs?: number | undefined;
}

/** One connection that is kept up. */
export interface Link {
  /**
   * While waiting: the next try is after this time, and not before it, whatever wakes up. Milliseconds from now on; 5,000 for
   * what is no time.
   * @returns when that is, as for `down`
   */
  wait(ms: number | undefined): number;
  /** Gives a connection up that is dead without having said so. */
  drop(): void;
  /** No further try. An open connection says goodbye first, and is over when the server has answered. */
  close(code?: number, reason?: string): void;
}

const ABNORMAL: Closing = { code: 1006, reason: "", wasClean: false };

/**
 * Keeps one connection up: tries, waits, and tries again until it is closed or told that another try would not help.
 * @throws TypeError where there is no `WebSocket`
 */
export function createLink(owner: LinkOwner, options: LinkOptions): Link {
  const {
    WebSocket: Socket = globalThis.WebSocket,
    stableMs = 5000,
    connectTimeoutMs = 10_000,
    spreadMs = 1000,
    clock = systemClock(),
    random = Math.random,
  } = options;
  if (!Socket) throw new TypeError("no WebSocket: give package ws");
  const ended = new AbortController();
  let failures = 0;
  let socket: SocketLike | undefined;
  let openedAt: number | undefined;
  let retryAt: number | undefined;
  let timer: Timer | undefined;
  /** No try before, whatever wakes up. */
  let notBefore = 0;
  /** What belongs to an earlier try is known by its number, and ignored. */
  let round = 0;
  let isClosing = false;

  /** Ends what is under way, so that something else may begin. */
  function next(): number {
    timer?.cancel();
    retryAt = openedAt = socket = undefined;
    return ++round;
  }

  /** The next try is in `ms`; what wakes up may bring it forward as far as `leastMs`. */
  function wait(ms?: number, leastMs?: number): number {
    // A timer that gets no number, or a huge one, would run at once.
    const delay = Math.min((ms as number) >= 0 ? (ms as number) : MIN_LATER_MS, MAX_RETRY_AFTER_MS);
    timer?.cancel();
    timer = clock.after(delay, () => void attempt());
    notBefore = clock.now() + (leastMs ?? delay);
    return (retryAt = clock.now() + delay);
  }

  async function attempt(): Promise<void> {
    const mine = next();
    const whileMine =
      <E>(run: (event: E) => void): ((event: E) => void) =>
      (event) => {
        if (mine === round) run(event);
      };
    const fail = whileMine((error: unknown) => {
      owner.failed(error);
      // Node 22 fires no `close` after a handshake that failed.
      if (!openedAt) down(ABNORMAL);
    });
    timer = clock.after(connectTimeoutMs, drop);
    try {
      const { url, protocols } = await owner.target();
      if (mine !== round) return;
      const dialled = (socket = new Socket(url, protocols));
      dialled.onopen = whileMine(() => {
        timer?.cancel();
        openedAt = clock.now();
        owner.opened(dialled);
      });
      dialled.onmessage = whileMine(owner.message);
      // It stays to the end: the package ws lets an error without a listener end the process.
      dialled.onerror = fail;
      dialled.onclose = whileMine(down);
    } catch (error) {
      fail(error);
    }
  }

  function down(closing: Closing): void {
    const retry = !isClosing && retryOf(closing.code);
    const now = clock.now();
    if (now - (openedAt ?? now) >= stableMs) failures = 0;
    next();
    if (retry) {
      const backoff = backoffMs(failures++, owner.spreadMs ?? spreadMs, random());
      const told = parseRetryAfter(closing.reason) ?? owner.toldMs;
      const least = told || (retry === "later" ? MIN_LATER_MS : 0);
      owner.toldMs = undefined;
      // A server that tells a time has spread its clients already; if it fails all the same, they come back with back-off.
      wait(told && failures < 2 ? told : least + backoff, least);
    } else {
      isClosing = true;
      ended.abort();
    }
    owner.down(closing, retryAt);
  }

  function drop(): void {
    const dropped = socket;
    down(ABNORMAL);
    dropped?.close();
  }

  function wake(): void {
    if (openedAt) owner.woken?.();
    if (retryAt) wait(Math.max(notBefore - clock.now(), 0));
  }

  onWake(wake, ended.signal);
  void attempt();
  return {
    wait,
    drop,
    close(code, reason) {
      if (openedAt) socket?.close(code, reason);
      else if (!isClosing) queueMicrotask(drop);
      isClosing = true;
    },
  };
}
