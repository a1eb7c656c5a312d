/**
 * A browser hides what a refused handshake was answered. A plain GET of the same address with this in `Accept` is answered with a
 * `HandshakeCheck` in JSON. It runs what a handshake runs, and opens nothing.
 */
export const CHECK_MEDIA_TYPE = "application/vnd.upwire.check+json";

/** What a handshake would be answered now. */
export type HandshakeCheck = { readonly ok: true } | HandshakeCheckRefusal;

export interface HandshakeCheckRefusal {
  readonly ok: false;
  /** HTTP status of the refusal. */
  readonly status: number;
  /** Stable: `ERR_ORIGIN`, `ERR_UNAUTHORIZED` and so on. */
  readonly code: string;
  /** Whether to come back: with back-off, not before `retryAfterMs` (without it, not within `MIN_LATER_MS`), or not at all. */
  readonly retry: "yes" | "later" | "no";
  /** Milliseconds from the answer on, where the server knows them: at most one hour (`MAX_RETRY_AFTER_MS`). */
  readonly retryAfterMs?: number;
}
