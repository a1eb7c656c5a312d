import { STATUS_CODES, validateHeaderName, validateHeaderValue, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { brand, hasBrand } from "./brand.ts";
import { refusals, type RefusalCode } from "./errors.ts";
import { channels } from "./telemetry.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

const MARK: unique symbol = Symbol.for("upwire.refusal") as never;

/** A "no" to an upgrade request, as the client gets it. */
export class Refusal {
  /** Also true for one of another copy of core in this process: taking it for a context would let everybody in. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, MARK);
  }

  static {
    brand(this, MARK);
  }

  /** HTTP status. */
  readonly status: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Stable; one of the keys of `refusals`. */
  readonly code: RefusalCode;

  constructor(code: RefusalCode, status: number, body: string, headers: Readonly<Record<string, string>> = {}) {
    this.code = code;
    this.status = status;
    this.body = body;
    const lowered = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])) as Record<string, string>;
    // With its length whoever writes it: without, Node would send it in chunks, which proxies pass on as a broken answer.
    const { "transfer-encoding": _, ...others } = lowered;
    this.headers = { "content-type": "text/plain; charset=utf-8", ...others, "content-length": `${Buffer.byteLength(body)}` };
  }
}

/** RFC 9110 §15.5.22 and RFC 6455 §4.4 want these beside their statuses. */
const extraHeaders: Partial<Record<RefusalCode, Readonly<Record<string, string>>>> = {
  ERR_METHOD: { allow: "GET" },
  // With a Connection header of ours, Node would not close for a client that asks it to (RFC 9112 §9.6).
  ERR_NOT_UPGRADE: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_UPGRADE_STRIPPED: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_HTTP_VERSION: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_VERSION: { upgrade: "websocket", connection: "Upgrade, close", "sec-websocket-version": "13" },
  ERR_DRAINING: { "retry-after": "1" },
  ERR_TOO_MANY_FROM_ADDRESS: { "retry-after": "5" },
  ERR_TOO_MANY_CONNECTIONS: { "retry-after": "5" },
  ERR_TOO_MANY_HANDSHAKES: { "retry-after": "5" },
};

/** The refusal that belongs to `code`. */
export function refusal(code: RefusalCode): Refusal {
  const { status, text } = refusals[code];
  return new Refusal(code, status, `${text}\n`, extraHeaders[code]);
}

/** The refusal of a server that is going down, with the time after which to ask again. */
export function drainingRefusal(retryAfterSeconds: number): Refusal {
  const { code, status, body } = refusal("ERR_DRAINING");
  return new Refusal(code, status, body, { "retry-after": String(retryAfterSeconds) });
}

/**
 * What `authorize` returns to say no: `return refuse(401, "Sign in first")`.
 * @param status 401 (who are you?) or 403 (not you).
 * @param body Plain text for the client, unless `headers` say otherwise.
 */
export function refuse(status: 401 | 403, body?: string, headers?: Readonly<Record<string, string>>): Refusal {
  const code = status === 401 ? "ERR_UNAUTHORIZED" : "ERR_FORBIDDEN";
  return new Refusal(code, status, body ?? `${refusals[code].text}\n`, headers);
}

/** RFC 9113 §8.2.2: HTTP/2 has no connection headers, and node:http2 throws on them. */
export function withoutConnectionHeaders({ code, status, body, headers }: Refusal): Refusal {
  const { connection: _connection, upgrade: _upgrade, ...rest } = headers;
  return new Refusal(code, status, body, rest);
}

/** Writes `refused` as the whole answer, unless somebody else has answered. */
export function sendRefusal(res: ServerResponse, refused: Refusal): void {
  if (!res.headersSent) res.writeHead(refused.status, refused.headers).end(refused.body);
}

/**
 * Answers on the bare socket, and ends it. For a moment when there is no response, or it belongs to somebody who is still
 * busy with it.
 */
export function sendBare(socket: Socket, { status, headers, body }: Refusal): void {
  let head = `HTTP/1.1 ${status} ${STATUS_CODES[status]}\r\n`;
  for (const [name, value] of Object.entries({ connection: "close", ...headers })) {
    // Headers of `refuse` are the application's: a line break would forge another one.
    validateHeaderName(name);
    validateHeaderValue(name, value);
    head += `${name}: ${value}\r\n`;
  }
  socket.end(`${head}\r\n${body}`);
  socket.destroySoon();
}

/** Tells the diagnostics channel of a refusal. */
export function publishRefusal(refused: Refusal, request: UpgradeRequest): void {
  channels.refused.publish({ code: refused.code, status: refused.status, request });
}
