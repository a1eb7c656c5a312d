import type { CloseInfo } from "./close-code.ts";
import type { Connection } from "./connection.ts";
import { ConnectionError } from "./errors.ts";
import type { Message } from "./message.ts";
import type { ConnectionEvents, Session } from "./session.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/**
 * What happens on a connection, written once for every framework. Every hook may be left out or be async. One that
 * throws or rejects closes that connection with 1011 and is reported to `onError`; nothing else is affected.
 */
export interface ConnectionHandler<Context = unknown> {
  /** The client is connected. Its messages wait until the returned promise settles. */
  open?(connection: Connection<Context>, request: UpgradeRequest): void | Promise<void>;
  /** A complete message. Messages come in order, but the next one does not wait for the returned promise. */
  message?(connection: Connection<Context>, message: Message): void | Promise<void>;
  /** The connection is over. Called once, whatever the reason, and last. */
  close?(connection: Connection<Context>, info: CloseInfo): void | Promise<void>;
  /** upwire ends the connection: the client broke a rule, was too slow or vanished, or a hook failed. `close` follows. */
  error?(connection: Connection<Context>, error: ConnectionError): void | Promise<void>;
  /** The socket takes data again after it had to wait. */
  drain?(connection: Connection<Context>): void | Promise<void>;
  /** A ping came; it is answered already. */
  ping?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
  /** A pong came. */
  pong?(connection: Connection<Context>, data: Buffer): void | Promise<void>;
}

/**
 * Runs the hooks of one connection so that nothing they do reaches us: a throw or a rejection is reported and closes the
 * connection. One object, which does not know the request: it lives as long as the connection.
 */
class HandlerRun<Context> implements ConnectionEvents {
  readonly #handler: ConnectionHandler<Context>;
  readonly #connection: Connection<Context>;
  readonly #session: Session;
  readonly #onError: OnHandlerError;

  constructor(handler: ConnectionHandler<Context>, connection: Connection<Context>, session: Session, onError: OnHandlerError) {
    this.#handler = handler;
    this.#connection = connection;
    this.#session = session;
    this.#onError = onError;
  }

  open(request: UpgradeRequest): void | Promise<void> {
    return this.#run(() => this.#handler.open?.(this.#connection, request));
  }

  /** As the others, without a closure for each message. */
  message(message: Message): void {
    try {
      const running = this.#handler.message?.(this.#connection, message);
      if (typeof running?.then === "function") Promise.resolve(running).catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
  }

  ping(data: Buffer): void {
    void this.#run(() => this.#handler.ping?.(this.#connection, data));
  }

  pong(data: Buffer): void {
    void this.#run(() => this.#handler.pong?.(this.#connection, data));
  }

  drain(): void {
    void this.#run(() => this.#handler.drain?.(this.#connection));
  }

  error(error: ConnectionError): void {
    void this.#run(() => this.#handler.error?.(this.#connection, error));
  }

  close(info: CloseInfo): void {
    void this.#run(() => this.#handler.close?.(this.#connection, info));
  }

  #run(hook: () => void | Promise<void>): void | Promise<void> {
    try {
      const running = hook();
      // A handler in plain JavaScript may return any thenable.
      if (typeof running?.then === "function") return Promise.resolve(running).catch((error: unknown) => this.#failed(error));
    } catch (error) {
      this.#failed(error);
    }
    return undefined;
  }

  #failed(cause: unknown): void {
    // The client's fault and not the handler's, such as a message that is not JSON.
    if (cause instanceof ConnectionError) return this.#session.fail(cause);
    this.#onError(cause, this.#connection);
    this.#session.fail(new ConnectionError("ERR_HANDLER", { cause }));
  }
}

/** Gets what a hook threw, or its promise was rejected with. */
type OnHandlerError = (error: unknown, connection: Connection) => void;

/** Runs `handler` on a new connection. Never throws. */
export function runHandler<Context>(
  handler: ConnectionHandler<Context>,
  connection: Connection<Context>,
  session: Session,
  request: UpgradeRequest,
  onError: OnHandlerError,
): void {
  const run = new HandlerRun(handler, connection, session, onError);
  const opening = run.open(request);
  if (opening === undefined) session.deliverTo(run);
  else void opening.then(() => session.deliverTo(run));
}
