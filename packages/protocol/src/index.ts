export { CloseCode, isSendableCloseCode } from "./close-code.ts";
export { CHECK_MEDIA_TYPE, type HandshakeCheck, type HandshakeCheckRefusal } from "./handshake-check.ts";
export { MIN_LATER_MS, retryOf, retryRules, type Retry, type RetryRule } from "./retry.ts";
export { MAX_RETRY_AFTER_MS, parseRetryAfter, retryAfterPattern, retryAfterReason } from "./retry-after.ts";
