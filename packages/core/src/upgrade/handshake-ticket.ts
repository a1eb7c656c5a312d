import type { OnLate, TicketHolder } from "./upgrade-ticket.ts";

/** What an Upgrader needs of a handshake that `attach` watches over, whoever writes its 101. */
export interface HandshakeTicket {
  readonly holder: TicketHolder;
  /** The deadline has passed, and the client was told. */
  readonly hasExpired: boolean;
  /** A route of ours has the request. @returns false when another library has taken it: we may not write to it any more. */
  claim(): boolean;
  /** Puts the deadline `ms` milliseconds behind the arrival of the request. @param onLate Called when it passes. @returns whether that is still to come. */
  expireAfter(ms: number, onLate: OnLate): boolean;
}
