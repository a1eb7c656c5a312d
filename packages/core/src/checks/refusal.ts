import { ServerResponse, STATUS_CODES, type IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import { brand, hasBrand, refusalMark } from "../base/cross-copy.ts";
import { refusals, type RefusalCode } from "../base/errors.ts";
import { checkHeaders, isFraming } from "./given-headers.ts";
import { kindOf } from "../base/kind-of.ts";
import type { OnFailure } from "../base/guard.ts";
import { channels } from "../base/channels.ts";
import type { UpgradeRequest } from "./upgrade-request.ts";

/** A "no" to an upgrade request, as the client gets it. */
export class Refusal {
  /** Also true for one of another copy of core in this process: taking it for a context would let everybody in. */
  static [Symbol.hasInstance](value: unknown): boolean {
    return hasBrand(value, refusalMark);
  }

  static {
    brand(this, refusalMark);
  }

  readonly ok = false;
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
    // Says its length: otherwise Node sends the body in chunks, which some proxies pass on as a broken answer.
    const { "transfer-encoding": _, ...others } = lowered;
    this.headers = { "content-type": "text/plain; charset=utf-8", ...others, "content-length": `${Buffer.byteLength(body)}` };
  }
}

/** RFC 9110 §15.5.22 and RFC 6455 §4.4 want these beside their statuses. */
const extraHeaders: Partial<Record<RefusalCode, Readonly<Record<string, string>>>> = {
  ERR_METHOD: { allow: "GET" },
  // `close` too: Node says it by itself to a client that asks for it, but not beside a Connection header of ours (RFC 9112 §9.6).
  ERR_NOT_UPGRADE: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_UPGRADE_STRIPPED: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_HTTP_VERSION: { upgrade: "websocket", connection: "Upgrade, close" },
  ERR_VERSION: { upgrade: "websocket", connection: "Upgrade, close", "sec-websocket-version": "13" },
  ERR_SHUTTING_DOWN: { "retry-after": "1" },
  ERR_TOO_MANY_FROM_ADDRESS: { "retry-after": "5" },
  ERR_TOO_MANY_CONNECTIONS: { "retry-after": "5" },
  ERR_TOO_MANY_HANDSHAKES: { "retry-after": "5" },
};

/** The refusal that belongs to `code`. */
export function refusal(code: RefusalCode): Refusal {
  const { status, text } = refusals[code];
  return new Refusal(code, status, `${text}\n`, extraHeaders[code]);
}

/** The refusal of a server that shuts down, with the time after which to ask again. */
export function shutdownRefusal(retryAfterSeconds: number): Refusal {
  const { code, status, body } = refusal("ERR_SHUTTING_DOWN");
  return new Refusal(code, status, body, { "retry-after": String(retryAfterSeconds) });
}

/** Whether `req` is of a test helper, `fastify.inject` for example, and came through no socket. */
export function isWithoutSocket({ socket }: IncomingMessage): boolean {
  // Every stream has this property, that of HTTP/2 as well; what stands for a socket in a helper has not.
  return (socket as Partial<Socket> | undefined)?.destroyed === undefined;
}

/** Tells a request that came through no socket what to write in place of that. */
export function withoutSocket(code: "ERR_NOT_UPGRADE" | "ERR_NOT_ATTACHED"): Refusal {
  const { status, headers } = refusal("ERR_NOT_UPGRADE");
  return new Refusal(
    code,
    status,
    "This request came through no socket, and a WebSocket needs one: in a test, write connectTo(app, path), of @upwire/testing/connect.\n",
    headers,
  );
}

/** The refusal of a request that came past `attach`, with the way that it should have come. */
export function notAttached(req: IncomingMessage): Refusal {
  return isWithoutSocket(req) ? withoutSocket("ERR_NOT_ATTACHED") : refusal("ERR_NOT_ATTACHED");
}

/** The refusal of a request that came through a plugin, to a route that is not the plugin's. */
export function notThePlugins(): Refusal {
  const { code, status } = refusal("ERR_NOT_ATTACHED");
  return new Refusal(code, status, "This server is attached through a plugin and the route is not: import websocket and attach from the same entry point.\n");
}

/** @throws RangeError for what is no status that refuses. @throws TypeError for a body that is no text, and for bad headers. */
function checkWritable(owner: string, status: unknown, body: unknown, headers: unknown): void {
  // A status below 200 would be read as an interim answer or as a yes (RFC 9110 §15.2).
  const isRefusing = Number.isInteger(status) && (status as number) >= 400 && (status as number) <= 599;
  if (!isRefusing)
    throw new RangeError(
      `${owner}: ${typeof status === "number" ? status : kindOf(status)} is no status that refuses; give 401, 403 or another whole number from 400 to 599`,
    );
  if (typeof body !== "string") throw new TypeError(`${owner}: the body is ${kindOf(body)}; give a string`);
  for (const [name, value] of Object.entries(checkHeaders(owner, headers))) {
    if (Array.isArray(value)) throw new TypeError(`${owner}: the header ${JSON.stringify(name)} is a list; give a string`);
  }
}

/** Every HTTP status that refuses, as IANA lists them. */
export type RefusalStatus =
  | 400
  | 401
  | 402
  | 403
  | 404
  | 405
  | 406
  | 407
  | 408
  | 409
  | 410
  | 411
  | 412
  | 413
  | 414
  | 415
  | 416
  | 417
  | 418
  | 421
  | 422
  | 423
  | 424
  | 425
  | 426
  | 428
  | 429
  | 431
  | 451
  | 500
  | 501
  | 502
  | 503
  | 504
  | 505
  | 506
  | 507
  | 508
  | 510
  | 511;

/**
 * What `authorize` returns to say no: `return refuse(401, "Sign in first")`. Logs and `onReject` see the code `ERR_UNAUTHORIZED` for
 * 401, and `ERR_FORBIDDEN` for every other status.
 * @param status 401 (who are you?), 403 (not you), or what fits better, such as 404 or 429.
 * @param body Plain text for the client, unless `headers` say otherwise. @default the name of the status
 * @throws RangeError for a status that does not refuse. @throws TypeError that names the header, for one with a character that no
 * header may have, such as a line break, and for one that frames the answer, such as Content-Length.
 */
export function refuse(status: RefusalStatus, body?: string, headers: Readonly<Record<string, string>> = {}): Refusal {
  const code = status === 401 ? "ERR_UNAUTHORIZED" : "ERR_FORBIDDEN";
  const text = body ?? `${status === refusals[code].status ? refusals[code].text : `${STATUS_CODES[status] ?? status}.`}\n`;
  checkWritable("refuse", status, text, headers);
  const framing = Object.keys(headers).find(isFraming);
  if (framing !== undefined) throw new TypeError(`refuse: the header ${JSON.stringify(framing)} is not yours to set: it frames the answer; leave it out`);
  return new Refusal(code, status, text, headers);
}

/** RFC 9113 §8.2.2: HTTP/2 has no connection headers, and node:http2 throws on them. */
export function withoutConnectionHeaders({ code, status, body, headers }: Refusal): Refusal {
  const { connection: _connection, upgrade: _upgrade, ...rest } = headers;
  return new Refusal(code, status, body, rest);
}

/** One that can be written: `refused` itself, or the error that is to be reported when it came from elsewhere and is broken. */
export function writable(refused: Refusal): { readonly refusal: Refusal; readonly error?: unknown } {
  try {
    checkWritable("a refusal", refused.status, refused.body, refused.headers);
    return { refusal: refused };
  } catch (error) {
    return { refusal: refusal("ERR_CHECK_FAILED"), error };
  }
}

/** What is written of a refusal. */
type Written = Pick<Refusal, "status" | "headers" | "body">;

/**
 * Writes `refused` as the whole answer, unless another part of the application has answered. Never throws.
 * @param failed Gets what the response threw, when middleware has changed it: then the client gets a bare 500, or its socket ends.
 */
export function sendRefusal(res: ServerResponse, refused: Written, failed: OnFailure = report): void {
  try {
    write(res, refused);
  } catch (error) {
    failed(error);
    writePlain(res, refusal("ERR_CHECK_FAILED"));
  }
}

const report: OnFailure = (error) => channels.error.publish({ error });

/** Writes the length: some proxies cannot read a refusal in chunks. */
function write(res: ServerResponse, { status, headers, body }: Written): void {
  if (!res.headersSent) res.writeHead(status, { ...headers, "content-length": `${Buffer.byteLength(body)}` }).end(body);
}

interface PlainResponse {
  writeHead(status: number): unknown;
  end(body: string): unknown;
}

/** Writes past everything that middleware has put over the methods of the response. */
function writePlain(res: ServerResponse, { status, headers, body }: Written): void {
  try {
    if (res.headersSent) return void res.destroy();
    for (const name of res.getHeaderNames()) res.removeHeader(name);
    for (const [name, value] of Object.entries({ ...headers, "content-length": `${Buffer.byteLength(body)}` })) res.setHeader(name, value);
    (ServerResponse.prototype as PlainResponse).writeHead.call(res, status);
    (ServerResponse.prototype as PlainResponse).end.call(res, body);
  } catch {
    res.socket?.destroy();
  }
}

/**
 * Answers on the bare socket, and ends it. For a moment when there is no response, or it belongs to a part of the application
 * that is still busy with it. Never throws: in place of a refusal that is broken goes a 500.
 */
export function sendBare(socket: Socket, refused: Refusal): void {
  const { refusal: sent, error } = writable(refused);
  if (sent !== refused) report(error);
  const { status, headers, body } = sent;
  const names = Object.entries({ connection: "close", ...headers, "content-length": `${Buffer.byteLength(body)}` });
  const lines = names.map(([name, value]) => `${name}: ${value}\r\n`);
  socket.end(`HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ""}\r\n${lines.join("")}\r\n${body}`);
  socket.destroySoon();
}

/** Tells the diagnostics channel of a refusal. */
export function publishRefusal(refused: Refusal, request: UpgradeRequest): void {
  channels.refused.publish({ code: refused.code, status: refused.status, request });
}
