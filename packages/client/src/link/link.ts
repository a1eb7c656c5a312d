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

/** The part of a `MessageEvent` that is used; sockets outside of browsers may leave out all but `data`. */
export interface MessageLike {
  readonly data: unknown;
  readonly origin?: string;
  readonly lastEventId?: string;
}

/** What the owner of a link does; none of these functions throws. */
export interface LinkOwner {
  /** Asked at each try. A throw or a rejection is a failed try. */
  target(): Target | Promise<Target>;
  trying(): void;
  opened(socket: SocketLike): void;
  message(event: MessageLike): void;
  /** The `error` event of a socket, or what `target` failed with. */
  failed(error: unknown): void;
  /**
   * The connection, or the try, is over.
   * @param how.retryAt When the next is, milliseconds since 1970; `undefined` when there is none
   */
  down(closing: Closing, how: { readonly opened: boolean; readonly retryAt?: number | undefined; readonly error?: unknown }): void;
  /** The page woke up while the connection is open. */
  woken(): void;
}

const ABNORMAL: Closing = { code: 1006, reason: "", wasClean: false };
/** A page that wakes up again and again tries at most this often. Milliseconds. */
const WAKE_GAP_MS = 1000;

/** One connection that is kept up. */
export interface Link {
  /** Set while a handshake is under way or the connection is open. */
  socket(): SocketLike | undefined;
  /** Takes what a server says: what is no time changes nothing. Milliseconds. */
  spread(ms: unknown): void;
  /** The server will close, and told when to come back. Milliseconds. */
  told(ms: unknown): void;
  /** Gives a connection up that is dead without having said so. */
  drop(): void;
  /** The next try is not within `MIN_LATER_MS`. */
  later(): void;
  /** No further try. An open connection says goodbye first, and is over when the server has answered. */
  close(code?: number, reason?: string): void;
  /** No further try, at once. */
  end(closing: Closing, error?: unknown): void;
}

/** A time that a server told, or `undefined` for what is none. */
function timeOf(ms: unknown): number | undefined {
  return typeof ms === "number" && ms >= 0 ? Math.min(ms, MAX_RETRY_AFTER_MS) : undefined;
}

/** Keeps one socket open: tries, waits, and tries again until it is closed or told that another try would not help. */
export function createLink(owner: LinkOwner, options: LinkOptions): Link {
  const { clock = systemClock, random = Math.random, stableMs = 5000, connectTimeoutMs = 10_000 } = options;
  const Socket = socketClass(options.WebSocket);
  const asleep = new AbortController();
  let spreadMs = options.spreadMs ?? 1000;
  let failures = 0;
  /** What belongs to an earlier try is known by its number, and ignored. */
  let round = 0;
  let socket: SocketLike | undefined;
  let timer: Timer | undefined;
  let triedAt = 0;
  let openedAt: number | undefined;
  let retryAt: number | undefined;
  /** What the server told: no try before it, whatever wakes up. */
  let notBefore = 0;
  /** When `upwire.reconnect` said to come back. */
  let toldAt = 0;
  let isClosing = false;

  /** Ends what is under way, so that something else may begin. */
  function next(): void {
    timer?.cancel();
    round++;
    retryAt = openedAt = socket = undefined;
  }

  function wait(at: number): void {
    timer?.cancel();
    retryAt = at;
    timer = clock.after(at - clock.now(), () => void attempt());
  }

  async function attempt(): Promise<void> {
    next();
    const mine = round;
    triedAt = clock.now();
    timer = clock.after(connectTimeoutMs, drop);
    owner.trying();
    try {
      const target = await owner.target();
      if (mine === round) dial(target);
    } catch (error) {
      if (mine !== round) return;
      owner.failed(error);
      down(ABNORMAL);
    }
  }

  function dial({ url, protocols }: Target): void {
    const mine = round;
    /** The listeners stay: the package ws lets an error without a listener end the process. */
    const whileMine =
      <E>(run: (event: E) => void): ((event: E) => void) =>
      (event) => {
        if (mine === round) run(event);
      };
    let dialled: SocketLike;
    try {
      dialled = new Socket(url, protocols);
    } catch (error) {
      // A page may not go there, or a name of a subprotocol is none: the next try would throw the same.
      end(ABNORMAL, error);
      return;
    }
    socket = dialled;
    dialled.onopen = whileMine(() => {
      timer?.cancel();
      openedAt = clock.now();
      owner.opened(dialled);
    });
    dialled.onmessage = whileMine(owner.message);
    dialled.onerror = whileMine(owner.failed);
    dialled.onclose = whileMine(down);
  }

  function down(closing: Closing): void {
    const retry = retryOf(closing.code);
    if (isClosing || retry === false) {
      end(closing);
      return;
    }
    const now = clock.now();
    const opened = openedAt !== undefined;
    if (opened && now - openedAt! >= stableMs) failures = 0;
    next();
    const backoff = backoffMs(failures++, spreadMs, random());
    const told = parseRetryAfter(closing.reason) ?? (toldAt > now ? toldAt - now : undefined);
    const least = told ?? (retry === "later" ? MIN_LATER_MS : 0);
    toldAt = 0;
    notBefore = now + least;
    // A server that says "come back at once" each time, and fails each time, gets its clients back with back-off all the same.
    wait(now + (told === undefined ? least + backoff : Math.max(told, failures > 1 ? backoff : 0)));
    owner.down(closing, { opened, retryAt });
  }

  function drop(): void {
    const dropped = socket;
    down(ABNORMAL);
    dropped?.close();
  }

  function end(closing: Closing, error?: unknown): void {
    if (asleep.signal.aborted) return;
    asleep.abort();
    next();
    owner.down(closing, { opened: false, error });
  }

  function wake(): void {
    if (openedAt !== undefined) owner.woken();
    if (retryAt === undefined) return;
    const soonest = Math.max(notBefore, triedAt + WAKE_GAP_MS, clock.now());
    if (soonest < retryAt) wait(soonest);
  }

  onWake(wake, asleep.signal);
  void attempt();
  return {
    socket: () => socket,
    spread(ms) {
      spreadMs = timeOf(ms) ?? spreadMs;
    },
    told(ms) {
      toldAt = clock.now() + (timeOf(ms) ?? 0);
    },
    drop,
    later() {
      notBefore = clock.now() + MIN_LATER_MS;
      if (retryAt !== undefined && retryAt < notBefore) wait(notBefore);
    },
    close(code, reason) {
      if (openedAt !== undefined) socket?.close(code, reason);
      else queueMicrotask(() => end(ABNORMAL));
      isClosing = true;
    },
    end,
  };
}
