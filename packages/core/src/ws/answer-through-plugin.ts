import { validateHeaderName, validateHeaderValue, type IncomingMessage } from "node:http";
import { pluginTicket, type PluginAnswer } from "./plugin-ticket.ts";

/** The part of a `WebSocketServer` of the `ws` package that a plugin keeps. */
export interface WebSocketServerLike {
  readonly options: { handleProtocols?: unknown };
  on(event: "headers", listener: (lines: string[], req: IncomingMessage) => void): unknown;
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
 * `check` decided. Other routes of the plugin keep what they had.
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
