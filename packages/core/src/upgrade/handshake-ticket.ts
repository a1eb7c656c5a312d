import type { OnLate, TicketHolder } from "./upgrade-ticket.ts";

/** What an Upgrader needs of a handshake that `attach` watches over, whatever writes its 101. */
export interface HandshakeTicket {
  readonly holder: TicketHolder;
  /** The deadline has passed, and the client was told. */
  readonly hasExpired: boolean;
  /**
   * A route of ours has the request, and gives the whole handshake `ms` milliseconds from its arrival.
   * @param onLate Called when that time is over.
   * @returns why the route may not have it: another library has taken it, so that we may not write to it any more, or it is too late.
   */
  claim(ms: number, onLate: OnLate): "ERR_TAKEN" | "ERR_HANDSHAKE_TIMEOUT" | undefined;
}
