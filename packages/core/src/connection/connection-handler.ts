import { checkHandler } from "./check-handler.ts";
import type { CloseInfo } from "../base/close-code.ts";
import { Connection } from "./connection.ts";
import { ConnectionError } from "../base/errors.ts";
import { inOwnBlock } from "../wire/given-bytes.ts";
import type { IncomingStream, StreamedMessage } from "../wire/incoming-stream.ts";
import type { Message } from "../wire/message.ts";
import { inNoContext } from "../base/no-context.ts";
import { guard, watch } from "../base/guard.ts";
import type { ErrorSource, UpgraderOptions } from "./options.ts";
import type { ConnectionEvents, Leaving } from "./connection-events.ts";
import type { Inbound } from "./inbound.ts";
import type { UpgradeRequest } from "../checks/upgrade-request.ts";

/**
 * What happens on a connection, written once for every framework. Every hook may be left out or be async. One that
 * throws or rejects closes that connection with 1011 and is reported to `onError`; nothing else is affected.
 *
 * `open` runs in the async context (`AsyncLocalStorage`) of its request, all others in none. To have it there too, bind in
 * `open` what needs it: `connection.context.work = AsyncResource.bind(work)`.
 */
export interface ConnectionHandler<Context = unknown, in Native = unknown> {
  /** The client is connected. Its messages wait until the returned promise settles, at most `openTimeoutMs`. */
  readonly open?: (connection: Connection<Context>, request: UpgradeRequest<Native>) => unknown;
  /** A complete message. Messages come in order, but the next one does not wait for the returned promise: see `concurrency`. */
  readonly message?: (connection: Connection<Context>, message: Message) => unknown;
  /**
   * In place of `message`: a message begins, and its bytes come as a stream. The next one comes when this one has been read to
   * its end or cancelled. Return the promise of what reads it: what goes wrong there is then reported and ends the connection,
   * but not that the stream itself failed.
   */
  readonly stream?: (connection: Connection<Context>, message: IncomingStream) => unknown;
  /** The connection is over. Called once, whatever the reason, and last. */
  readonly close?: (connection: Connection<Context>, info: CloseInfo) => unknown;
  /** upwire ends the connection: the client broke a rule, was too slow or vanished, a hook failed, or `fail` was called. `close` follows. */
  readonly error?: (connection: Connection<Context>, error: ConnectionError) => unknown;
  /** The socket takes data again after it had to wait. */
  readonly drain?: (connection: Connection<Context>) => unknown;
  /** A ping came; it is answered already. */
  readonly ping?: (connection: Connection<Context>, data: Buffer) => unknown;
  /** A pong came. */
  readonly pong?: (connection: Connection<Context>, data: Buffer) => unknown;
  /**
   * The server goes away, or a hub is closed: told once, right before the close frame of `attachment.shutdown`, `attachment.close`,
   * `server.close` or the `close` of a hub. What it sends at once arrives before that frame, which waits for no promise, and not
   * for an `open` that has not settled either. `retryAfterMs` is when this client should come back, as the close frame of a shutdown
   * says it too, and `undefined` where nothing is known of that. A throw or a rejection is reported, and the client is closed as
   * planned.
   */
  readonly leaving?: (connection: Connection<Context>, notice: Leaving) => unknown;
  /**
   * How many messages of one client may have a `message` or `stream` hook that is async and has not settled; a whole number from 1 on. The next
   * ones wait in order, and then reading stops, so TCP holds the client back. One hook that never settles takes a place for ever.
   * Messages that still wait when the connection is closed are dropped. @default no limit
   */
  readonly concurrency?: number;
  /**
   * What this handler needs of its routes: `subprotocols`, `authorize`, limits. `websocket(handler, options)` takes them for each
   * option that the route itself does not set. An `Upgrader` in place of the route's options has options of its own: then these count for nothing.
   */
  readonly options?: UpgraderOptions<Context, Native>;
}

/** Every hook. A new hook that is missing here does not compile. */
const hooks: Readonly<Record<Exclude<keyof ConnectionHandler, "concurrency" | "options">, true>> = {
  open: true,
  message: true,
  stream: true,
  close: true,
  error: true,
  drain: true,
  ping: true,
  pong: true,
  leaving: true,
};

/** The names of all hooks. */
export const hookNames: readonly string[] = Object.keys(hooks);

/** `handler` as it is. For TypeScript: infers the context, from `options.authorize` too, and refuses hooks that do not exist. */
export function defineHandler<Context = unknown, Native = unknown>(handler: ConnectionHandler<Context, Native>): ConnectionHandler<Context, Native> {
  return handler;
}

/** The inbound half of a connection with this context. */
type Source<Context> = Inbound<Connection<Context>>;

/**
 * Runs the hooks of a handler so that nothing they do reaches us: a throw or a rejection is reported and closes the
 * connection. One for all connections of a handler; it keeps no request. The types of `websocket` and of the Upgrader have seen
 * to it that a handler gets the requests of the framework that it asks for.
 */
export class HandlerRun<Context> implements ConnectionEvents<Source<Context>> {
  readonly concurrency: number;
  readonly streams: boolean;
  readonly #handler: ConnectionHandler<Context, never>;
  readonly #onError: OnHandlerError;

  constructor(handler: ConnectionHandler<Context, never>, onError: OnHandlerError) {
    this.concurrency = handler.concurrency ?? Infinity;
    this.streams = typeof handler.stream === "function";
    this.#handler = handler;
    this.#onError = onError;
  }

  /** Runs the handler on a new connection, which tells this object what happens. Never throws. */
  start(connection: Connection<Context>, request: UpgradeRequest): void {
    const source = Connection.inboundOf(connection);
    const failed = (error: unknown): void => {
      this.#failed(source, error, request);
      source.deliver();
    };
    try {
      const opening: unknown = this.#handler.open?.(connection, request as UpgradeRequest<never>);
      const isAsync = typeof opening === "object" || typeof opening === "function";
      if (isAsync && watch(opening, failed, () => source.deliver())) source.waitForOpen();
      else source.deliver();
    } catch (error) {
      failed(error);
    }
  }

  late(source: Source<Context>): void {
    const error = new ConnectionError("ERR_OPEN_TIMEOUT");
    this.#onError(error, { connection: source.owner });
    source.fail(error);
    source.deliver();
  }

  /** Runs its hook as `#run` runs the others, without a closure for each message. */
  message(source: Source<Context>, message: Message): void {
    try {
      const running: unknown = this.#handler.message?.(source.owner, message);
      if (typeof running !== "object" && typeof running !== "function") return;
      if (this.concurrency === Infinity) watch(running, (error) => this.#failed(source, error));
      else this.#count(source, running, (error) => this.#failed(source, error));
    } catch (error) {
      this.#failed(source, error);
    }
  }

  stream(source: Source<Context>, message: StreamedMessage): void {
    const failed = (error: unknown): void => {
      // What ended the stream has ended the connection, and is no fault of the hook.
      if (error === undefined || error !== message.failure) this.#failed(source, error);
    };
    try {
      this.#count(source, this.#handler.stream?.(source.owner, message.shown), failed);
    } catch (error) {
      failed(error);
    }
  }

  /** A hook that is async has one of the places of its connection until it settles. */
  #count(source: Source<Context>, running: unknown, failed: (error: unknown) => void): void {
    const settled = (): void => source.settled();
    source.began();
    const isAsync = watch(
      running,
      (error) => {
        failed(error);
        settled();
      },
      settled,
    );
    if (!isAsync) settled();
  }

  ping(source: Source<Context>, data: Buffer): void {
    this.#run(source, () => this.#handler.ping?.(source.owner, inOwnBlock(data)));
  }

  pong(source: Source<Context>, data: Buffer): void {
    this.#run(source, () => this.#handler.pong?.(source.owner, inOwnBlock(data)));
  }

  drain(source: Source<Context>): void {
    // The hook of another client, or a request, may have sent or ended something, and so have caused this. The context of that is no context for
    // this hook, nor for the next ones.
    inNoContext(() => this.#run(source, () => this.#handler.drain?.(source.owner)));
  }

  leaving(source: Source<Context>, notice: Leaving): void {
    const connection = source.owner;
    inNoContext(() =>
      guard(
        () => this.#handler.leaving?.(connection, notice),
        (error) => this.#onError(error, { connection }),
      ),
    );
  }

  error(source: Source<Context>, error: ConnectionError): void {
    inNoContext(() => this.#run(source, () => this.#handler.error?.(source.owner, error)));
  }

  close(source: Source<Context>, info: CloseInfo): void {
    inNoContext(() => {
      try {
        source.lastHook = this.#settled(source, this.#handler.close?.(source.owner, info));
      } catch (error) {
        this.#failed(source, error);
      }
    });
  }

  /** Settles when an async hook has, and its fault is reported. `undefined` when it is not async. */
  #settled(source: Source<Context>, running: unknown): Promise<void> | undefined {
    if (typeof running !== "object" && typeof running !== "function") return undefined;
    let isAsync = false;
    const settled = new Promise<void>((resolve) => {
      const failed = (error: unknown): void => {
        this.#failed(source, error);
        resolve();
      };
      isAsync = watch(running, failed, resolve);
    });
    return isAsync ? settled : undefined;
  }

  #run(source: Source<Context>, hook: () => unknown): void {
    guard(hook, (error) => this.#failed(source, error));
  }

  #failed(source: Source<Context>, cause: unknown, request?: UpgradeRequest): void {
    // A ConnectionError is meant for the client: for a message that is not JSON, or from a layer.
    const fault = ConnectionError.from(cause);
    if (fault !== undefined) return source.fail(fault);
    const connection = source.owner;
    this.#onError(cause, request === undefined ? { connection } : { connection, request });
    source.fail(new ConnectionError("ERR_HANDLER", { cause }));
  }
}

/** The runs of the handlers of one Upgrader: each handler is looked at once. */
export class HandlerRuns<Context> {
  readonly #runs = new WeakMap<ConnectionHandler<Context, never>, HandlerRun<Context>>();
  readonly #onError: OnHandlerError;

  constructor(onError: OnHandlerError) {
    this.#onError = onError;
  }

  /** @throws TypeError for what is no handler. */
  of(handler: ConnectionHandler<Context, never>): HandlerRun<Context> {
    let run = this.#runs.get(handler);
    if (run === undefined) {
      checkHandler(handler, hookNames);
      this.#runs.set(handler, (run = new HandlerRun(handler, this.#onError)));
    }
    return run;
  }

  /** What is wrong with it, if anything. */
  mistakeIn(handler: ConnectionHandler<Context, never> | undefined): unknown {
    try {
      if (handler !== undefined) this.of(handler);
      return undefined;
    } catch (error) {
      return error;
    }
  }
}

/** Gets what a hook threw, or its promise was rejected with. */
type OnHandlerError = (error: unknown, source: ErrorSource) => void;
