import type { CloseInfo } from "./close-code.ts";
import type { Connection } from "./connection.ts";
import { ConnectionError } from "./errors.ts";
import type { Message } from "./message.ts";
import { inNoContext } from "./no-context.ts";
import type { ConnectionEvents, Session } from "./session.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/**
 * What happens on a connection, written once for every framework. Every hook may be left out or be async. One that
 * throws or rejects closes that connection with 1011 and is reported to `onError`; nothing else is affected.
 *
 * `open` runs in the async context (`AsyncLocalStorage`) of its request, all others in none. To have it there too, bind in
 * `open` what needs it: `connection.context.work = AsyncResource.bind(work)`.
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
 * Runs the hooks of a handler so that nothing they do reaches us: a throw or a rejection is reported and closes the
 * connection. One for all connections of a handler; it keeps no request.
 */
export class HandlerRun<Context> implements ConnectionEvents {
  readonly #handler: ConnectionHandler<Context>;
  readonly #onError: OnHandlerError;

  constructor(handler: ConnectionHandler<Context>, onError: OnHandlerError) {
    this.#handler = handler;
    this.#onError = onError;
  }

  /** Runs the handler on a new connection. Never throws. */
  start(session: Session, request: UpgradeRequest): void {
    const opening = this.#run(session, () => this.#handler.open?.(this.#of(session), request));
    if (opening === undefined) return inNoContext(() => session.deliverTo(this));
    const opened = opening.then(() => {
      session.lastHook = undefined;
      inNoContext(() => session.deliverTo(this));
      // The client may have left meanwhile, and its `close` hook is running now.
      return session.lastHook;
    });
    session.lastHook = opened;
  }

  /** As the others, without a closure for each message. */
  message(session: Session, message: Message): void {
    try {
      const running = this.#handler.message?.(this.#of(session), message);
      if (typeof running?.then === "function") Promise.resolve(running).catch((error: unknown) => this.#failed(session, error));
    } catch (error) {
      this.#failed(session, error);
    }
  }

  ping(session: Session, data: Buffer): void {
    void this.#run(session, () => this.#handler.ping?.(this.#of(session), data));
  }

  pong(session: Session, data: Buffer): void {
    void this.#run(session, () => this.#handler.pong?.(this.#of(session), data));
  }

  drain(session: Session): void {
    // The socket may have drained because of what another client's hook, or a request, has just sent or ended. So with the next two.
    inNoContext(() => void this.#run(session, () => this.#handler.drain?.(this.#of(session))));
  }

  error(session: Session, error: ConnectionError): void {
    inNoContext(() => void this.#run(session, () => this.#handler.error?.(this.#of(session), error)));
  }

  close(session: Session, info: CloseInfo): void {
    inNoContext(() => {
      session.lastHook = this.#run(session, () => this.#handler.close?.(this.#of(session), info)) ?? undefined;
    });
  }

  #of({ owner }: Session): Connection<Context> {
    return owner as Connection<Context>;
  }

  #run(session: Session, hook: () => void | Promise<void>): void | Promise<void> {
    try {
      const running = hook();
      // A handler in plain JavaScript may return any thenable.
      if (typeof running?.then === "function") return Promise.resolve(running).catch((error: unknown) => this.#failed(session, error));
    } catch (error) {
      this.#failed(session, error);
    }
    return undefined;
  }

  #failed(session: Session, cause: unknown): void {
    // The client's fault and not the handler's, such as a message that is not JSON.
    if (cause instanceof ConnectionError) return session.fail(cause);
    this.#onError(cause, this.#of(session));
    session.fail(new ConnectionError("ERR_HANDLER", { cause }));
  }
}

/** Gets what a hook threw, or its promise was rejected with. */
type OnHandlerError = (error: unknown, connection: Connection) => void;
