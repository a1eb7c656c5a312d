import type { CloseInfo } from "./close-code.ts";
import type { Connection, ConnectionEvents } from "./connection.ts";
import { ConnectionError } from "./errors.ts";
import type { Message } from "./message.ts";
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

type Guard = (hook: () => void | Promise<void>) => void | Promise<void>;

/** Runs hooks so that nothing they do reaches us: a throw or a rejection is reported and closes the connection. */
function guardHooks(connection: Connection<never>, onError: (error: unknown) => void): Guard {
  const failed = (cause: unknown): void => {
    // The client's fault and not the handler's, such as a message that is not JSON.
    if (cause instanceof ConnectionError) return connection.fail(cause);
    onError(cause);
    connection.fail(new ConnectionError("ERR_HANDLER", { cause }));
  };
  return (hook) => {
    try {
      const running = hook();
      // A handler in plain JavaScript may return any thenable.
      return typeof running?.then === "function" ? Promise.resolve(running).catch(failed) : undefined;
    } catch (error) {
      return failed(error);
    }
  };
}

// Apart from `runHandler`, so that these closures, which live as long as the connection, do not keep the request alive.
function eventsFor<Context>(connection: Connection<Context>, handler: ConnectionHandler<Context>, run: Guard): ConnectionEvents {
  return {
    message: (message) => void run(() => handler.message?.(connection, message)),
    ping: (data) => void run(() => handler.ping?.(connection, data)),
    pong: (data) => void run(() => handler.pong?.(connection, data)),
    drain: () => void run(() => handler.drain?.(connection)),
    error: (error) => void run(() => handler.error?.(connection, error)),
    close: (info) => void run(() => handler.close?.(connection, info)),
  };
}

/** Runs `handler` on a new connection. Never throws. */
export function runHandler<Context>(
  connection: Connection<Context>,
  handler: ConnectionHandler<Context>,
  request: UpgradeRequest,
  onError: (error: unknown) => void,
): void {
  const run = guardHooks(connection as Connection<never>, onError);
  const events = eventsFor(connection, handler, run);
  const opening = run(() => handler.open?.(connection, request));
  if (opening === undefined) connection.deliverTo(events);
  else void opening.then(() => connection.deliverTo(events));
}
