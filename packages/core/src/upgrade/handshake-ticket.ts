import type { Dispatched } from "../checks/decide.ts";
import type { TicketHolder } from "./upgrade-ticket.ts";

/** What an Upgrader needs of a handshake that `attach` watches over, whatever writes its 101. */
export interface HandshakeTicket extends Dispatched {
  readonly holder: TicketHolder;
}
