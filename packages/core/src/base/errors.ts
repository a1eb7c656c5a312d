import type { Retry } from "@upwire/protocol";
import { brand, connectionErrorMark, hasBrand } from "./cross-copy.ts";
import { CloseCode } from "./close-code.ts";
import { checkClosure, type CheckedClosure, type Closure } from "./closure.ts";
import { nearestNames } from "./nearest-name.ts";
import { oneOf, shownValue } from "./option-check.ts";

/** The stable name of every refusal of an upgrade request. */
export type RefusalCode =
  | "ERR_METHOD"
  | "ERR_NOT_UPGRADE"
  | "ERR_UPGRADE_STRIPPED"
  | "ERR_NOT_ATTACHED"
  | "ERR_HTTP_VERSION"
  | "ERR_TARGET"
  | "ERR_HOST"
  | "ERR_HOST_NOT_ALLOWED"
  | "ERR_BODY"
  | "ERR_VERSION"
  | "ERR_KEY"
  | "ERR_SUBPROTOCOLS"
  | "ERR_ORIGIN"
  | "ERR_UNAUTHORIZED"
  | "ERR_FORBIDDEN"
  | "ERR_TOO_MANY_FROM_ADDRESS"
  | "ERR_TOO_MANY_CONNECTIONS"
  | "ERR_TOO_MANY_HANDSHAKES"
  | "ERR_CHECK_FAILED"
  | "ERR_TAKEN"
  | "ERR_SHUTTING_DOWN"
  | "ERR_HANDSHAKE_TIMEOUT";

/** The stable name of what ends a connection before there is a request to show. */
export type DropCode = "ERR_HANDSHAKE_TIMEOUT" | "ERR_TOO_MANY_HANDSHAKES" | "ERR_HEADER_TOO_BIG" | "ERR_REQUEST_TIMEOUT" | "ERR_BAD_REQUEST";

/** The stable name of every reason for which upwire itself ends a connection. */
export type ClosureCode =
  | "ERR_PROTOCOL"
  | "ERR_UTF8"
  | "ERR_DEFLATE"
  | "ERR_JSON"
  | "ERR_MESSAGE_TOO_BIG"
  | "ERR_TOO_MANY_FRAGMENTS"
  | "ERR_HANDLER"
  | "ERR_OPEN_TIMEOUT"
  | "ERR_WRITER_ABORTED"
  | "ERR_SLOW_CONSUMER"
  | "ERR_WRITE_TIMEOUT"
  | "ERR_MESSAGE_TIMEOUT"
  | "ERR_RATE_LIMIT"
  | "ERR_IDLE"
  | "ERR_PONG_TIMEOUT"
  | "ERR_SOCKET";

interface RefusalText {
  /** HTTP status. */
  readonly status: number;
  readonly retry: Retry;
  /** The body of the answer. */
  readonly text: string;
}

interface ClosureText {
  readonly closeCode: number;
  readonly retry: Retry;
  /** The reason in the close frame. */
  readonly text: string;
}

/**
 * Every refusal of an upgrade request: the HTTP status the client gets, why, and whether trying again helps.
 * The body of the answer is the text; the code is what logs and the `onReject` hook see.
 */
export const refusals: Readonly<Record<RefusalCode, RefusalText>> = {
  ERR_METHOD: { status: 405, retry: false, text: "A WebSocket handshake is a GET request." },
  ERR_NOT_UPGRADE: { status: 426, retry: false, text: "This address speaks WebSocket: send an upgrade request." },
  ERR_UPGRADE_STRIPPED: {
    status: 426,
    retry: false,
    text:
      "A proxy removed the Upgrade or Connection header from this WebSocket handshake. nginx needs: proxy_http_version 1.1; " +
      'proxy_set_header Upgrade $http_upgrade; proxy_set_header Connection "upgrade"; proxy_set_header Host $http_host;',
  },
  ERR_NOT_ATTACHED: {
    status: 500,
    retry: false,
    text: "This server does not route upgrade requests: call attach(server); in a test, write connectTo(app, path), of @upwire/testing/connect.",
  },
  ERR_HTTP_VERSION: { status: 426, retry: false, text: "A WebSocket handshake needs HTTP/1.1." },
  ERR_TARGET: { status: 400, retry: false, text: "The request target is not a path." },
  ERR_HOST: { status: 400, retry: false, text: "The request needs one Host header that names a host." },
  ERR_HOST_NOT_ALLOWED: { status: 403, retry: false, text: "This server does not go by that host name." },
  ERR_BODY: { status: 400, retry: false, text: "A WebSocket handshake carries no body." },
  ERR_VERSION: { status: 426, retry: false, text: "Only WebSocket version 13 is spoken here." },
  ERR_KEY: { status: 400, retry: false, text: "Sec-WebSocket-Key must be 16 bytes in base64, once." },
  ERR_SUBPROTOCOLS: { status: 400, retry: false, text: "Sec-WebSocket-Protocol must be a list of distinct tokens." },
  ERR_ORIGIN: { status: 403, retry: false, text: "This origin may not connect." },
  ERR_UNAUTHORIZED: { status: 401, retry: false, text: "Authentication is required." },
  ERR_FORBIDDEN: { status: 403, retry: false, text: "You may not connect." },
  ERR_TOO_MANY_FROM_ADDRESS: { status: 429, retry: "later", text: "Too many connections from this address." },
  ERR_TOO_MANY_CONNECTIONS: { status: 503, retry: "later", text: "The server has no room for another connection." },
  ERR_TOO_MANY_HANDSHAKES: { status: 503, retry: "later", text: "The server is busy with other handshakes." },
  ERR_CHECK_FAILED: { status: 500, retry: true, text: "The server could not decide about this request." },
  /** It goes into logs only: another library has written to the socket, or reads from it. */
  ERR_TAKEN: { status: 409, retry: false, text: "Another upgrade listener on this server has taken this handshake." },
  ERR_SHUTTING_DOWN: { status: 503, retry: "later", text: "The server is shutting down." },
  ERR_HANDSHAKE_TIMEOUT: { status: 408, retry: true, text: "The handshake took too long." },
};

/** Every reason for which upwire itself ends a connection: the close code, the reason text in the close frame, and what then. */
export const closures: Readonly<Record<ClosureCode, ClosureText>> = {
  ERR_PROTOCOL: { closeCode: CloseCode.protocolError, retry: false, text: "protocol error" },
  ERR_UTF8: { closeCode: CloseCode.invalidPayload, retry: false, text: "invalid UTF-8" },
  ERR_DEFLATE: { closeCode: CloseCode.invalidPayload, retry: false, text: "corrupt compressed data" },
  ERR_JSON: { closeCode: CloseCode.invalidPayload, retry: false, text: "invalid JSON" },
  ERR_MESSAGE_TOO_BIG: { closeCode: CloseCode.tooBig, retry: false, text: "message too big" },
  ERR_TOO_MANY_FRAGMENTS: { closeCode: CloseCode.policyViolation, retry: false, text: "too many fragments" },
  ERR_HANDLER: { closeCode: CloseCode.internalError, retry: true, text: "internal error" },
  /** `open` has not settled within `openTimeoutMs`. */
  ERR_OPEN_TIMEOUT: { closeCode: CloseCode.internalError, retry: true, text: "the server took too long" },
  ERR_WRITER_ABORTED: { closeCode: CloseCode.internalError, retry: true, text: "message aborted" },
  ERR_SLOW_CONSUMER: { closeCode: CloseCode.tryAgainLater, retry: "later", text: "slow consumer" },
  ERR_WRITE_TIMEOUT: { closeCode: CloseCode.tryAgainLater, retry: "later", text: "write timeout" },
  ERR_MESSAGE_TIMEOUT: { closeCode: CloseCode.policyViolation, retry: false, text: "message took too long" },
  ERR_RATE_LIMIT: { closeCode: CloseCode.rateLimit, retry: "later", text: "rate limit" },
  ERR_IDLE: { closeCode: CloseCode.goingAway, retry: true, text: "idle" },
  /** The peer answered no ping, so no close frame would reach it: the socket is destroyed. */
  ERR_PONG_TIMEOUT: { closeCode: CloseCode.abnormal, retry: true, text: "no pong" },
  /** The socket failed under us (reset, TLS failure): nothing can be sent any more. */
  ERR_SOCKET: { closeCode: CloseCode.abnormal, retry: true, text: "socket error" },
};

/** Of our own closures, those for which the client broke no rule, and is neither slow nor gone. */
const forGoodClients = new Set<string>(["ERR_HANDLER", "ERR_OPEN_TIMEOUT", "ERR_IDLE"] satisfies ClosureCode[]);

/** Whether a client that is ended with this code is given what is queued for it. The closures of a layer are all of this kind. */
export function deservesQueue(code: string): boolean {
  return !Object.hasOwn(closures, code) || forGoodClients.has(code);
}

/**
 * Why upwire, or a layer above it, ends a connection. Given to the handler's `error` before its `close`. A hook that throws
 * one closes its connection with it.
 */
export class ConnectionError extends Error {
  static {
    brand(this, connectionErrorMark);
  }

  override readonly name = "ConnectionError";
  /** Stable; one of the keys of `closures`, or the name that a layer gave. */
  readonly code: ClosureCode | (string & {});
  /** The close code that the peer gets; 1006 when none can be sent. */
  readonly closeCode: number;
  /** What the client should do. */
  readonly retry: Retry;
  /** What exactly was wrong, where that is known: for a broken frame what the close frame says. A layer's own is neither sent nor logged. */
  readonly detail: unknown;
  /** What it was made of: the application may change the fields above, and the close frame must stay right. */
  readonly #closure: CheckedClosure;
  #fault: string | undefined;

  /**
   * @param closure One of the keys of `closures`, or a closure of your own.
   * @throws TypeError for a code that `closures` does not have, and for a closure that cannot be sent.
   */
  constructor(closure: ClosureCode | Closure, options?: { readonly cause?: unknown }) {
    const checked = typeof closure === "string" ? ownClosure(closure) : checkClosure(closure);
    super(checked.text, options);
    this.code = checked.code;
    this.closeCode = checked.closeCode;
    this.retry = checked.retry;
    this.detail = checked.detail;
    this.#closure = checked;
  }

  /** For core: an error that says what exactly is wrong with what a client sent. */
  static ofFault({ code, text }: Fault, options?: { readonly cause?: unknown }): ConnectionError {
    const { closeCode, retry } = closures[code];
    const error = new ConnectionError({ code, closeCode, retry, text, detail: text }, options);
    error.#fault = text;
    return error;
  }

  /** For core: what was wrong with what a client sent, in core's own words, which a log may show. Never throws. */
  static faultOf(error: ConnectionError): string | undefined {
    return #fault in error ? error.#fault : undefined;
  }

  /** For core: as it was made, whatever has been written to its fields since. */
  static closureOf(error: ConnectionError): CheckedClosure {
    return error.#closure;
  }

  /**
   * For core: `value` when it is a ConnectionError, the same in our own when it is one of another copy of core, and
   * `undefined` for everything else. Never throws.
   */
  static from(value: unknown): ConnectionError | undefined {
    try {
      if (!hasBrand(value, connectionErrorMark)) return undefined;
      if (#closure in (value as object)) return value as ConnectionError;
      const { code, closeCode, retry, message, detail } = value as ConnectionError;
      return new ConnectionError(Object.hasOwn(closures, code) ? (code as ClosureCode) : { code, closeCode, retry, text: message, detail }, { cause: value });
    } catch {
      return undefined;
    }
  }
}

/** What exactly is wrong with what a client sent. */
export interface Fault {
  readonly code: ClosureCode;
  /** The reason in the close frame: at most 123 bytes, and nothing that the client wrote but a number. */
  readonly text: string;
}

/**
 * For what a peer or the network did: a ConnectionError without a stack. No line of our code is the reason, and taking the stack
 * costs more than all else at the end of a connection, which a client can cause as often as it likes.
 */
export function peerError(what: ClosureCode | Fault, cause?: unknown): ConnectionError {
  const { stackTraceLimit } = Error;
  const isChanged = Reflect.set(Error, "stackTraceLimit", 0);
  try {
    const options = cause === undefined ? undefined : { cause };
    return typeof what === "string" ? new ConnectionError(what, options) : ConnectionError.ofFault(what, options);
  } finally {
    if (isChanged) Error.stackTraceLimit = stackTraceLimit;
  }
}

function ownClosure(code: ClosureCode): CheckedClosure {
  if (Object.hasOwn(closures, code)) return { code, ...closures[code], detail: undefined };
  const names = nearestNames(code, Object.keys(closures));
  const right = names.length > 0 ? `write ${oneOf(names)}` : `there are ${Object.keys(closures).join(", ")}`;
  throw new TypeError(`ConnectionError: there is no closure ${shownValue(code)}; ${right}, or give your own as { code, closeCode, retry, text }`);
}
