/** The codes of errors: those of the server, and the last three, which a client makes itself. */
export type ErrorCode =
  | "bad_message"
  | "unsupported"
  | "unknown_type"
  | "unknown_topic"
  | "invalid_payload"
  | "duplicate_id"
  | "forbidden"
  | "not_subscribed"
  | "too_many"
  | "rate_limited"
  | "timeout"
  | "cancelled"
  | "replaced"
  | "unavailable"
  | "internal"
  | "connection_lost"
  | "queue_full"
  | "closed";

/** An error as it stands in a frame. */
export interface WireError {
  readonly code: string;
  readonly message: string;
  /** May the same succeed later? */
  readonly retryable: boolean;
  /** What an application gives with its own errors, and the issues of `invalid_payload`. */
  readonly details?: unknown;
}

/** What an error may have beside its code and its text. */
export interface RealtimeErrorOptions {
  /** May the same succeed later? Default: as the table of error codes says; `false` for an application's own codes. */
  readonly retryable?: boolean;
  /** Data for the other end. JSON. */
  readonly details?: unknown;
  readonly cause?: unknown;
}

const codes = /^[a-z0-9_.-]{1,64}$/;
const retryableCodes = /^(rate_limited|timeout|unavailable|connection_lost|queue_full)$/;

/**
 * What a request, a publish or a subscribe is rejected with, on both ends. An application throws its own with codes of its own:
 * 1 to 64 of `a-z`, `0-9`, `_`, `.`, `-`.
 * @throws TypeError for another code.
 */
export class RealtimeError extends Error {
  declare readonly code: ErrorCode | (string & {});
  declare readonly retryable: boolean;
  declare readonly details: unknown;

  constructor(code: ErrorCode | (string & {}), message: string = code, options: RealtimeErrorOptions = {}) {
    super(message, options);
    if (!codes.test(code)) throw new TypeError(`error code "${code}" is not allowed; give one like ${codes}`);
    this.name = "RealtimeError";
    this.code = code;
    this.retryable = options.retryable ?? retryableCodes.test(code);
    this.details = options.details;
  }
}

/** An error as it goes into a frame. */
export function toWireError({ code, message, retryable, details }: RealtimeError): WireError {
  return details === undefined ? { code, message, retryable } : { code, message, retryable, details };
}

/** The error that a frame of the server tells. Takes anything: what is no error of a server is `internal`. */
export function fromWireError(wire: unknown): RealtimeError {
  const { code, message, retryable, details } = (wire ?? {}) as Partial<Record<keyof WireError, unknown>>;
  const known = typeof code === "string" && codes.test(code) ? code : "internal";
  return new RealtimeError(known, typeof message === "string" ? message : known, { retryable: retryable === true, details });
}
