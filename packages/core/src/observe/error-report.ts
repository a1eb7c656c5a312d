import { guard } from "../base/guard.ts";
import type { ErrorSource } from "../connection/options.ts";
import { channels } from "../base/channels.ts";

/** Any `onError`, whatever it asks of the framework's request: it is given the requests of its own adapter only. */
type OnError = (error: unknown, source: ErrorSource<never>) => void;

/** Where the errors of the application's own code go: to the channel `upwire:error`, and to `onError`. */
export class ErrorReport {
  readonly #onError: OnError | undefined;
  /** By request and by connection: what takes the place of `onError` where it is left out. */
  readonly #logs = new WeakMap<object, (error: unknown) => void>();
  /** Whether any request had a log of its own: otherwise no connection inherits one. */
  hasLogs: boolean = false;

  constructor(onError: OnError | undefined) {
    this.#onError = onError;
  }

  /** From now on errors of `owner` go to `log`, unless there is an `onError`. */
  send(owner: object, log: ((error: unknown) => void) | undefined): void {
    if (log === undefined || this.#onError !== undefined) return;
    this.#logs.set(owner, log);
    this.hasLogs = true;
  }

  /** The errors of the connection go where those of its request go. */
  inherit(request: object, connection: object): void {
    this.send(connection, this.#logs.get(request));
  }

  /** Never throws. */
  report(error: unknown, source: ErrorSource): void {
    channels.error.publish({ error, ...source });
    const log = this.#onError ?? this.#logs.get(source.connection ?? source.request ?? this) ?? writeError;
    // An `onError` that fails has nothing else to report to, and must not end the process.
    guard(
      () => log(error, source as ErrorSource<never>),
      () => {},
    );
  }
}

function writeError(error: unknown): void {
  console.error("upwire:", error);
}
