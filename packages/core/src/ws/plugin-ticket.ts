import type { IncomingMessage } from "node:http";
import { pluginTicketKey } from "../base/cross-copy.ts";
import type { Refusal } from "../checks/refusal.ts";
import type { HandshakeTicket } from "../upgrade/handshake-ticket.ts";
import type { TakenSocket } from "./plugin-socket.ts";

/** What a plugin's own 101 should say. */
export interface PluginAnswer {
  readonly subprotocol: string | undefined;
  readonly extensions: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** A handshake that a framework's plugin does by itself, on `ws`. */
export interface PluginTicket extends HandshakeTicket {
  /** What `check` decided. */
  answer: PluginAnswer | undefined;
  /** The plugin has sent the 101 of a route of its own. */
  answered(): void;
  /** When the plugin refuses with a bare status line, `refused` goes out whole. */
  complete(refused: Refusal): void;
  /** Keeps the client's bytes from the plugin. @returns false when it has begun to answer or to read. */
  withhold(): boolean;
  /** Ends the plugin's part. `undefined` when the bytes were not withheld, `"gone"` when the client has left. */
  take(): TakenSocket | "gone" | undefined;
  /** Gives the bytes to the plugin after all. */
  release(): void;
}

export function putPluginTicket(req: IncomingMessage, ticket: PluginTicket): void {
  Object.defineProperty(req, pluginTicketKey, { value: ticket });
}

export function pluginTicket(req: IncomingMessage): PluginTicket | undefined {
  return (req as { readonly [pluginTicketKey]?: PluginTicket })[pluginTicketKey];
}
