import { validateHeaderName, validateHeaderValue, type IncomingMessage } from "node:http";
import { pluginTicketKey } from "../base/cross-copy.ts";
import type { TakenSocket } from "./plugin-socket.ts";
import type { Refusal } from "../checks/refusal.ts";
import type { OnLate, TicketHolder } from "../upgrade/upgrade-ticket.ts";

/** What a plugin's own 101 should say. */
interface PluginAnswer {
  readonly subprotocol: string | undefined;
  readonly extensions: string | undefined;
  readonly headers: Readonly<Record<string, string | readonly string[]>>;
}

/** A handshake that a framework's plugin does by itself, on `ws`. */
export interface PluginTicket {
  readonly holder: TicketHolder;
  /** A route of ours has the request. @returns false when another library has taken it. */
  claim(): boolean;
  /** Puts the deadline `ms` milliseconds behind the arrival of the request. @param onLate Called when it passes. @returns whether that is still to come. */
  expireAfter(ms: number, onLate: OnLate): boolean;
  /** The deadline has passed, and the client was told. */
  readonly hasExpired: boolean;
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
  /** What `check` decided. */
  answer?: PluginAnswer;
}

/** The part of a `WebSocketServer` of the `ws` package that a plugin keeps. */
export interface WebSocketServerLike {
  readonly options: { handleProtocols?: unknown };
  on(event: "headers", listener: (lines: string[], req: IncomingMessage) => void): unknown;
}

export function putPluginTicket(req: IncomingMessage, ticket: PluginTicket): void {
  Object.defineProperty(req, pluginTicketKey, { value: ticket });
}

export function pluginTicket(req: IncomingMessage): PluginTicket | undefined {
  return (req as { readonly [pluginTicketKey]?: PluginTicket })[pluginTicketKey];
}

/** What belongs to the handshake is written by `ws`. */
const WRITTEN_BY_WS = /^(?:content-.*|transfer-encoding|connection|upgrade|keep-alive|sec-websocket-.*|date)$/i;

function* headerLines({ headers, extensions }: PluginAnswer): Generator<string> {
  if (extensions !== undefined) yield `Sec-WebSocket-Extensions: ${extensions}`;
  for (const [name, given] of Object.entries(headers)) {
    if (WRITTEN_BY_WS.test(name)) continue;
    validateHeaderName(name);
    for (const value of Array.isArray(given) ? (given as readonly string[]) : [String(given)]) {
      // A line break would forge a header: this throws, and the handshake fails.
      validateHeaderValue(name, value);
      yield `${name}: ${value}`;
    }
  }
}

/**
 * For adapters of plugins built on `ws`: lets its 101 carry the headers, the subprotocol and the compression that
 * `Upgrader.check` decided. Other routes of the plugin keep what they had.
 */
export function answerThroughPlugin(server: WebSocketServerLike): void {
  const { options } = server;
  // `ws` itself puts null here.
  const before = options.handleProtocols as ((offered: Set<string>, req: IncomingMessage) => string | false) | null | undefined;
  options.handleProtocols = (offered: Set<string>, req: IncomingMessage): string | false => {
    const answer = pluginTicket(req)?.answer;
    if (answer !== undefined) return answer.subprotocol ?? false;
    if (typeof before === "function") return before(offered, req);
    const [first = false] = offered;
    return first;
  };
  server.on("headers", (lines, req) => {
    const ticket = pluginTicket(req);
    if (ticket?.answer === undefined) ticket?.answered();
    else lines.push(...headerLines(ticket.answer));
  });
}
