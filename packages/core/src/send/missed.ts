import { guard } from "../base/guard.ts";
import { immediateInNoContext } from "../base/no-context.ts";

/** A function of the application that is called when a connection does not get a message: `SendOptions.missed`. */
export type Missed = (connection: never) => void;

/** A connection that has missed a message. */
export interface MissingConnection {
  /** The connection that users hold. */
  readonly owner: object;
  /** Gets what a function of the application failed with. Never throws. */
  report(error: unknown): void;
}

/** What a message with a `missed` function counts for beside its frame. Bytes. */
export const MISSED_BYTES = 64;

/**
 * Calls the `missed` functions of an application. One that throws does not keep others from being called. None runs within
 * another: a function that sends again to a full queue would call itself without end.
 */
export class MissedCalls {
  #isTelling = false;
  #later: (readonly [MissingConnection, Missed])[] = [];

  /** For a message that was just refused. Call it after the whole `send` or broadcast. */
  tell(connection: MissingConnection, missed: Missed): void {
    if (this.#isTelling) return this.tellLater(connection, missed);
    this.#isTelling = true;
    call(connection, missed);
    this.#isTelling = false;
  }

  /** For a message that a policy took back: in a later turn of the event loop, since a send or broadcast may be running. */
  tellLater(connection: MissingConnection, missed: Missed): void {
    if (this.#later.push([connection, missed]) === 1) immediateInNoContext(this.#tellAll);
  }

  readonly #tellAll = (): void => {
    const all = this.#later;
    this.#later = [];
    this.#isTelling = true;
    for (const [connection, missed] of all) call(connection, missed);
    this.#isTelling = false;
  };
}

function call(connection: MissingConnection, missed: Missed): void {
  guard(
    () => missed(connection.owner as never),
    (error) => connection.report(error),
  );
}
