import type { IncomingMessage } from "node:http";
import type { Clock } from "../base/clock.ts";
import { checkServer } from "./check-server.ts";
import type { CloseInfo } from "../base/close-code.ts";
import { Closing, closingPlan, inSlices, type CloseAllOptions, type ClosingPlan } from "../shutdown/close-in-waves.ts";
import { Connection } from "../connection/connection.ts";
import type { Stats } from "../base/counters.ts";
import { Dispatcher } from "./dispatch.ts";
import { shutdownPlan, type ShutdownOptions } from "../shutdown/shutdown-plan.ts";
import { guardedClock } from "../base/guarded-clock.ts";
import { isHandOver, type HandOver } from "./hand-over.ts";
import { HeadGuard } from "./head-guard.ts";
import { defaults } from "../base/defaults.ts";
import { checkCount } from "../base/limits.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";
import { ParseErrors } from "./parse-errors.ts";
import { PendingHandshakes } from "./pending-handshakes.ts";
import { ServedClock } from "../base/served-clock.ts";
import { onServerClose } from "./server-close.ts";
import type { AttachableServer } from "./server.ts";
import { StatsSum, type StatsSource } from "../observe/stats-sum.ts";
import type { TicketHolder } from "./upgrade-ticket.ts";

export interface AttachOptions {
  /** Time for the whole handshake, middleware included, until a route's own value takes over. Milliseconds. @default 10000 */
  readonly handshakeTimeoutMs?: number;
  /**
   * Time from the connection to the end of its first request head, TLS handshake included. Milliseconds. Holds for ordinary
   * requests too, which nothing tells from a handshake before their head is complete. 0 leaves it to Node, which takes up to
   * 90 s. @default 10000
   */
  readonly headTimeoutMs?: number;
  /**
   * Most handshakes under way: more upgrade requests are refused with 503. And, each counted apart, most connections without a
   * complete request head (for each one more, the oldest is ended), and most upgrades that wait for an earlier response of
   * their connection (for each one more, the connection ends behind that response). @default 10000
   */
  readonly maxPendingHandshakes?: number;
  /**
   * Whether an upgrade request is for this application. Only asked beside another library that listens for upgrades on the
   * same server. Without it, the request runs through the application too, and its answer goes out only when a route of ours
   * has taken the request, or at the deadline if nothing else has answered; a proxy that both listens for upgrades and is
   * middleware then forwards the handshake twice. @default all
   */
  readonly match?: (req: IncomingMessage) => boolean;
  /**
   * `server.close()` also closes the WebSocket clients, with 1001, or waits for `shutdown`; without, it would wait for them for
   * ever. Either way its callback comes when their `close` hooks have settled, at most 5 s later. @default true
   */
  readonly closeWithServer?: boolean;
  /**
   * For adapters of plugins that upgrade by themselves: gets every WebSocket handshake in place of the application. Made by
   * `handOverTo` or `pluginServer` of the adapter entry.
   */
  readonly handOver?: HandOver;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

const { anything, callback, flag, clock } = kinds;
const attachKinds: OptionKinds<AttachOptions> = {
  handshakeTimeoutMs: anything,
  headTimeoutMs: anything,
  maxPendingHandshakes: anything,
  match: callback,
  closeWithServer: flag,
  handOver: { right: "what handOverTo((req, socket, head) => …) returns", fits: isHandOver },
  clock,
};

/** The upgrade requests of one server, and the connections that came of them. */
export class Attachment implements TicketHolder {
  readonly #clock: ServedClock;
  readonly #connections = new Set<Connection>();
  /** `close` hooks that have not settled, the oldest first, and when each began. */
  readonly #hooks = new Map<Promise<void>, number>();
  readonly #pending: PendingHandshakes;
  readonly #stats = new StatsSum();
  readonly #dispatcher: Dispatcher;
  readonly #undo: (() => void)[];
  #farewell: ClosingPlan["farewell"] | undefined;
  #ending: Closing | undefined;
  readonly #state = { isClosing: false, retryAfterSeconds: 1 };

  constructor(server: AttachableServer, given: AttachOptions | undefined) {
    checkServer(server);
    const options = readOptions<AttachOptions>("attach", given, attachKinds);
    const { match = () => true, handOver } = options;
    const limits = { ...defaults.attach, ...options };
    this.#clock = ServedClock.from(guardedClock(options.clock));
    this.#pending = new PendingHandshakes(this.#clock);
    const timeoutMs = checkCount("handshakeTimeoutMs", limits.handshakeTimeoutMs);
    const maxPending = checkCount("maxPendingHandshakes", limits.maxPendingHandshakes);
    const headTimeoutMs = checkCount("headTimeoutMs", limits.headTimeoutMs, 0);
    const setup = { holder: this, state: this.#state, pending: this.#pending, timeoutMs, maxPending, match, handOver };
    this.#dispatcher = new Dispatcher(server, setup);
    const heads = headTimeoutMs > 0 ? new HeadGuard(server, { clock: this.#clock, timeoutMs: headTimeoutMs, max: maxPending }) : undefined;
    if (heads !== undefined) this.#dispatcher.tell(heads);
    const parseErrors = new ParseErrors(server);
    server.on("listening", this.#begin);
    this.#undo = [
      () => parseErrors.detach(),
      () => this.#dispatcher.detach(),
      () => heads?.detach(),
      () => server.off("listening", this.#begin),
      onServerClose(server, () => {
        // A shutdown that goes on has its own deadline: this one only waits for it.
        if (options.closeWithServer !== false && !this.isClosing) void this.close();
        return this.#ended();
      }),
    ];
  }

  /** Whether `close` or `shutdown` was called: for health checks, since no client is let in any more. Ends when the server listens again. */
  get isClosing(): boolean {
    return this.#state.isClosing;
  }

  /** How many connections are open. */
  get count(): number {
    return this.#connections.size;
  }

  /**
   * The sum over every Upgrader that has decided about a request of this server. Such an Upgrader may serve other servers too, and
   * counts them as well. What is refused before any route is reached has no Upgrader: the channel `upwire:refused` tells of it.
   */
  get stats(): Stats {
    return this.#stats.stats;
  }

  /** Called by each Upgrader that decides about a request of this server for the first time. */
  meet(source: StatsSource): void {
    this.#stats.add(source);
  }

  track(connection: Connection): void {
    if (this.#connections.has(connection)) return;
    this.#connections.add(connection);
    connection.onClose(this.#closed);
    // `close` or `shutdown` may have come between the answer and this moment.
    if (this.#farewell !== undefined && connection.isOpen) this.#farewell(connection);
  }

  readonly #closed = (_info: CloseInfo, connection: Connection): void => {
    this.#connections.delete(connection);
    // The `close` hook runs after this listener, so its promise is there a tick later.
    process.nextTick(this.#awaitHook, connection);
  };

  readonly #awaitHook = (connection: Connection): void => {
    const hook = Connection.lastHookOf(connection);
    if (hook === undefined) return;
    const now = this.#clock.now();
    // A hook that never settles is waited for until its grace time is over, and then forgotten.
    for (const [old, beganAt] of this.#hooks) {
      if (beganAt + closingPlan({}).graceMs > now) break;
      this.#hooks.delete(old);
    }
    this.#hooks.set(hook, now);
    void hook.then(() => this.#hooks.delete(hook));
  };

  /**
   * Refuses new connections with 503, closes all others at once, and settles when they are gone and their `close` hooks have
   * settled, for which it waits at most `graceMs` more. Hastens a `shutdown`.
   */
  async close(options?: CloseAllOptions): Promise<void> {
    const plan = closingPlan(options);
    this.#ending?.hasten();
    await this.#end(plan).done;
    await this.#hooksSettled(plan.graceMs);
  }

  /**
   * Refuses new connections with 503, closes all others in waves, tells each when to come back, and settles when they and
   * the unfinished handshakes are gone, at the latest `graceMs` after the last wave; then it waits for `close` hooks as `close` does. A second call, or one after `close`,
   * joins what goes on.
   * @throws RangeError for options that cannot be meant.
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    const plan = shutdownPlan(options);
    if (!this.isClosing) {
      this.#state.retryAfterSeconds = plan.retryAfterSeconds;
      this.#end(plan);
    }
    await Promise.all([this.#ending?.done, this.#pending.over()]);
    // A handshake may have come through at the last moment.
    await this.#allClosed();
    await this.#hooksSettled(plan.graceMs);
  }

  /**
   * Takes every listener of ours off the server, as if `attach` had not been called: anything upgrade requests are not ours any
   * more. Handshakes under way and open connections go on, and are still counted, closed and shut down by this object.
   */
  detach(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }

  /** The server listens, for the first time or again. */
  readonly #begin = (): void => {
    this.#farewell = undefined;
    this.#state.isClosing = false;
    this.#ending = undefined;
    this.#state.retryAfterSeconds = 1;
  };

  #end(plan: ClosingPlan): Closing {
    // A second call does not change what clients are told: those that are still open get the farewell of the first.
    const farewell = (this.#farewell ??= plan.farewell);
    this.#state.isClosing = true;
    const closing = new Closing(this.#connections, this.#clock, { ...plan, farewell });
    const grace = this.#clock.after(closing.spreadMs + plan.graceMs, () => {
      // The server may listen again by now: its new connections are not meant.
      if (this.#ending !== closing) return;
      this.#pending.destroy();
      this.#dispatcher.abort();
      inSlices([...this.#connections], (connection) => connection.terminate());
    });
    void closing.done.then(() => {
      if (this.#pending.size === 0) grace.cancel();
    });
    this.#ending = closing;
    return closing;
  }

  /** Settles when all are gone and their `close` hooks have settled, at the latest after the grace time of `close`. */
  async #ended(): Promise<void> {
    await this.#allClosed();
    await this.#hooksSettled(closingPlan({}).graceMs);
  }

  async #allClosed(): Promise<void> {
    while (this.#connections.size > 0) await Promise.all([...this.#connections].map(({ closed }) => closed));
  }

  /** Waits for `close` hooks that go on, so that a process may end behind this: for each at most `graceMs` from its beginning. */
  async #hooksSettled(graceMs: number): Promise<void> {
    // The `close` hook of the last connection begins a tick after that has closed.
    await new Promise<void>((resolve) => void setImmediate(resolve));
    const now = this.#clock.now();
    const waiting = [...this.#hooks].filter(([, beganAt]) => beganAt + graceMs > now);
    const [, newestAt] = waiting.at(-1) ?? [undefined, -Infinity];
    if (waiting.length === 0) return;
    await new Promise<void>((resolve) => {
      const grace = this.#clock.after(newestAt + graceMs - now, resolve);
      void Promise.all(waiting.map(([hook]) => hook)).then(() => {
        grace.cancel();
        resolve();
      });
    });
  }
}

/**
 * Routes the upgrade requests of `server` through the application's own middleware and routes.
 * @throws Error when this server is attached already. @throws RangeError or TypeError for bad options.
 */
export function attach(server: AttachableServer, options?: AttachOptions): Attachment {
  return new Attachment(server, options);
}
