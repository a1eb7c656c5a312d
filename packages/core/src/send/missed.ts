import { guard } from "../base/guard.ts";
import { immediateInNoContext } from "../base/no-context.ts";

/** What an application is told with: the connection does not get the message. Its type is that of `SendOptions.missed`. */
export type Missed = (connection: never) => void;

/** Whose message it was. */
export interface MissingConnection {
  /** The connection that users hold. */
  readonly owner: object;
  /** Gets what a function of the application failed with. Never throws. */
  report(error: unknown): void;
}

/** Beside its frame, what a message takes whose sender wants to be told when it is missed. Bytes. */
export const MISSED_BYTES = 64;

/**
 * Calls the `missed` functions of an application, each for itself: what one does cannot keep another from being called. None of
 * them runs while another one does, so that one that sends again to a full queue does not call itself without end.
 */
export class MissedCalls {
  #isTelling = false;
  #later: (readonly [MissingConnection, Missed])[] = [];

  /** For who has just been refused, behind the whole call that sent it. */
  tell(connection: MissingConnection, missed: Missed): void {
    if (this.#isTelling) return this.tellLater(connection, missed);
    this.#isTelling = true;
    call(connection, missed);
    this.#isTelling = false;
  }

  /** For what a policy took back: in a later turn of the event loop, since a send or a broadcast may be under way. */
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
  guard(() => missed(connection.owner as never), (error) => connection.report(error));
}
