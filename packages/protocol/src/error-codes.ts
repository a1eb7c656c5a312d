import type { ErrorCode } from "./errors.ts";

/** What an error code means. A file apart from `RealtimeError`, so that a client carries no texts. */
export const errorCodes: Readonly<Record<ErrorCode, { readonly retryable: boolean; readonly text: string }>> = {
  bad_message: { retryable: false, text: "The message is not what upwire.v1 allows" },
  unsupported: { retryable: false, text: "This server does not know this type of upwire's own messages" },
  unknown_type: { retryable: false, text: "The application has no event or request of this type" },
  unknown_topic: { retryable: false, text: "The application has no topic of this name" },
  invalid_payload: { retryable: false, text: "The payload is not what the contract says" },
  duplicate_id: { retryable: false, text: "A message with this id is still in flight" },
  forbidden: { retryable: false, text: "This user may not do that" },
  not_subscribed: { retryable: false, text: "This connection is not subscribed to this topic" },
  too_many: { retryable: false, text: "This connection has as many of these as the server lets one have" },
  rate_limited: { retryable: true, text: "This client sends more than the server lets one send" },
  timeout: { retryable: true, text: "The answer did not come in time; the work may have been done" },
  cancelled: { retryable: false, text: "The client cancelled it" },
  replaced: { retryable: false, text: "A later subscribe or unsubscribe of the same topic took its place" },
  unavailable: { retryable: true, text: "The server cannot do that now" },
  internal: { retryable: false, text: "The server failed" },
  connection_lost: { retryable: true, text: "The connection broke before the answer; the work may have been done" },
  queue_full: { retryable: true, text: "As much waits to be sent as may" },
  closed: { retryable: false, text: "The client is closed" },
};
