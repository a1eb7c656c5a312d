export { decodeBinaryFrame, encodeBinaryFrame, MAX_HEADER_BYTES } from "./binary-frame.ts";
export { readClientFrame, type ClientFrame } from "./client-frame.ts";
export { CloseCode, isSendableCloseCode } from "./close-code.ts";
export { CHECK_MEDIA_TYPE, type HandshakeCheck, type HandshakeCheckRefusal } from "./handshake-check.ts";
export { defineContract, request, topic, type AnyContract, type Contract, type RequestContract, type TopicContract } from "./contract.ts";
export { errorCodes } from "./error-codes.ts";
export { fromWireError, RealtimeError, toWireError, type ErrorCode, type RealtimeErrorOptions, type WireError } from "./errors.ts";
export type {
  EventIn,
  EventName,
  EventOut,
  ReplyIn,
  ReplyOut,
  RequestIn,
  RequestName,
  RequestOut,
  StateIn,
  StateOut,
  TopicEventIn,
  TopicEventName,
  TopicEventOut,
  TopicMatch,
  TopicParams,
  TopicPatternName,
} from "./inference.ts";
export { fillPattern, isTopicName, SUBPROTOCOL, TOKEN_PREFIX, topicName } from "./names.ts";
export { isId, isPosition, type Position, type Since } from "./position.ts";
export { MIN_LATER_MS, retryOf, retryRules, type Retry, type RetryRule } from "./retry.ts";
export { MAX_RETRY_AFTER_MS, parseRetryAfter, retryAfterPattern, retryAfterReason } from "./retry-after.ts";
export type {
  ErrorFrame,
  Gap,
  GapReason,
  Hello,
  HelloLimits,
  Publication,
  Reconnect,
  Reply,
  ServerEvent,
  ServerFrame,
  Subscribed,
  SubscribedPayload,
  SubscribeReply,
  Unsubscribed,
} from "./server-frame.ts";
export type { InferInput, InferOutput, StandardSchema, StandardSchemaIssue, StandardSchemaProps, StandardSchemaResult } from "./standard-schema.ts";
export { TopicPattern } from "./topic-pattern.ts";
