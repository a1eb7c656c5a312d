import { checkHandler } from "./check-handler.ts";
import type { CloseInfo } from "./close-code.ts";
import type { Connection } from "./connection.ts";
import { ConnectionError } from "./errors.ts";
import type { IncomingStream, StreamedMessage } from "./incoming-stream.ts";
import type { Message } from "./message.ts";
import { inNoContext } from "./no-context.ts";
import { guard, watch } from "./guard.ts";
import type { ErrorSource } from "./options.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import type { Session } from "./session.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/**
 * What happens on a connection, written once for every framework. Every hook may be left out or be async. One that
 * throws or rejects closes that connection with 1011 and is reported to `onError`; nothing else is affected.
 *
 * `open` runs in the async context (`AsyncLocalStorage`) of its request, all others in none. To have it there too, bind in
 * `open` what needs it: `connection.context.work = AsyncResource.bind(work)`.
 */
export interface ConnectionHandler<Context = unknown> {
  /** The client is connected. Its messages wait until the returned promise settles, at most `openTimeoutMs`. */
  open?(connection: Connection<Context>, request: UpgradeRequest): void | Promise<void>;
  /** A complete message. Messages come in order, but the next one does not wait for the returned promise. */
  message?(connection: Connection<Context>, message: Message): void | Promise<void>;
  /**
   * In place of `message`: a message begins, and its bytes come as a stream. The next one comes when this one has been read to
   * its end or cancelled. Return the promise of what reads it: what goes wrong there is then reported and ends the connection,
   * but not that the stream itself failed.
   */
  stream?(connection: Connection<Context>, message: IncomingStream): void | Promise<void>;
  /** The connection is over. Called once, whatever the reason, and last. */
  close?(connection: Connection<Context>, info: CloseInfo): void | Promise<void>;
  /** upwire ends the connection: the client broke a rule, was too slow or vanished, a hook failed, or `fail` was called. `close` follows. */
  error?(connection: Connection<Context>, error: ConnectionError): void | Promise<void>;
  /** The socket takes data again after it had to wait. */
  drain?(connection: Connection<Context>): void | Promise<void>;
  /** A ping came; it is answered already. */
  ping?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
  /** A pong came. */
  pong?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
}

/** The compiler finds a new one that is missing here. */
const hooks: Readonly<Record<keyof ConnectionHandler, true>> = { open: true, message: true, stream: true, close: true, error: true, drain: true, ping: true, pong: true };

/** The names of all hooks. */
export const hookNames: readonly string[] = Object.keys(hooks);

/**
 * Runs the hooks of a handler so that nothing they do reaches us: a throw or a rejection is reported and closes the
 * connection. One for all connections of a handler; it keeps no request.
 */
export class HandlerRun<Context> implements ConnectionEvents<Session> {
  /** Whether messages come as streams. */
  readonly streams: boolean;
  readonly #handler: ConnectionHandler<Context>;
  readonly #onError: OnHandlerError;

  constructor(handler: ConnectionHandler<Context>, onError: OnHandlerError) {
    this.#handler = handler;
    this.streams = typeof handler.stream === "function";
    this.#onError = onError;
  }

  /** Runs the handler on a new connection. Never throws. */
  start(session: Session, request: UpgradeRequest): void {
    const opened = (): void => inNoContext(() => session.deliverTo(this));
    const failed = (error: unknown): void => {
      this.#failed(session, error, request);
      opened();
    };
    try {
      if (watch(this.#handler.open?.(this.#of(session), request), failed, opened)) session.waitForOpen(this);
      else opened();
    } catch (error) {
      failed(error);
    }
  }

  late(session: Session): void {
    const error = new ConnectionError("ERR_OPEN_TIMEOUT");
    this.#onError(error, { connection: this.#of(session) });
    session.fail(error);
    session.deliverTo(this);
  }

  /** As the others, without a closure for each message. */
  message(session: Session, message: Message): void {
    try {
      const running: unknown = this.#handler.message?.(this.#of(session), message);
      if (typeof running === "object" || typeof running === "function") watch(running, (error) => this.#failed(session, error));
    } catch (error) {
      this.#failed(session, error);
    }
  }

  stream(session: Session, message: StreamedMessage): void {
    guard(
      () => this.#handler.stream?.(this.#of(session), message.shown),
      (error) => {
        // What ended the stream has ended the connection, and is no fault of the hook.
        if (error !== message.failure || error === undefined) this.#failed(session, error);
      },
    );
  }

  ping(session: Session, data: Buffer): void {
    this.#run(session, () => this.#handler.ping?.(this.#of(session), data));
  }

  pong(session: Session, data: Buffer): void {
    this.#run(session, () => this.#handler.pong?.(this.#of(session), data));
  }

  drain(session: Session): void {
    // The socket may have drained because of what another client's hook, or a request, has just sent or ended. So with the next two.
    inNoContext(() => this.#run(session, () => this.#handler.drain?.(this.#of(session))));
  }

  error(session: Session, error: ConnectionError): void {
    inNoContext(() => this.#run(session, () => this.#handler.error?.(this.#of(session), error)));
  }

  close(session: Session, info: CloseInfo): void {
    inNoContext(() => {
      try {
        session.lastHook = this.#settled(session, this.#handler.close?.(this.#of(session), info));
      } catch (error) {
        this.#failed(session, error);
      }
    });
  }

  /** Settles when an async hook has, and its fault is reported. `undefined` when it is not async. */
  #settled(session: Session, running: unknown): Promise<void> | undefined {
    if (typeof running !== "object" && typeof running !== "function") return undefined;
    let isAsync = false;
    const settled = new Promise<void>((resolve) => {
      const failed = (error: unknown): void => {
        this.#failed(session, error);
        resolve();
      };
      isAsync = watch(running, failed, resolve);
    });
    return isAsync ? settled : undefined;
  }

  #of({ owner }: Session): Connection<Context> {
    return owner as Connection<Context>;
  }

  #run(session: Session, hook: () => unknown): void {
    guard(hook, (error) => this.#failed(session, error));
  }

  #failed(session: Session, cause: unknown, request?: UpgradeRequest): void {
    // Meant for the client, such as a message that is not JSON, or a closure of a layer.
    const fault = ConnectionError.from(cause);
    if (fault !== undefined) return session.fail(fault);
    const connection = this.#of(session);
    this.#onError(cause, request === undefined ? { connection } : { connection, request });
    session.fail(new ConnectionError("ERR_HANDLER", { cause }));
  }
}

/** The runs of the handlers of one Upgrader: each handler is looked at once. */
export class HandlerRuns<Context> {
  readonly #runs = new WeakMap<ConnectionHandler<Context>, HandlerRun<Context>>();
  readonly #onError: OnHandlerError;

  constructor(onError: OnHandlerError) {
    this.#onError = onError;
  }

  /** @throws TypeError for what is no handler. */
  of(handler: ConnectionHandler<Context>): HandlerRun<Context> {
    let run = this.#runs.get(handler);
    if (run === undefined) {
      checkHandler(handler, hookNames);
      this.#runs.set(handler, (run = new HandlerRun(handler, this.#onError)));
    }
    return run;
  }

  /** What is wrong with it, if anything. */
  mistakeIn(handler: ConnectionHandler<Context> | undefined): unknown {
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
