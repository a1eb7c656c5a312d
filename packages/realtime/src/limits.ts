import { readOptions, wholeNumber, type Kind, type OptionKinds } from "@upwire/core/adapter";

/** Bounds of what clients can make grow. A client is told those that concern it, in `upwire.hello`. */
export interface RealtimeLimits {
  /** Requests, publishes, subscribes and async events of one connection that are not answered yet; more are `too_many`. @default 64 */
  readonly requests: number;
  /** Subscriptions of one connection that it asked for itself; more are `too_many`. @default 256 */
  readonly topics: number;
  /** Messages within 10 s that cannot be understood; the last one ends the connection with 4400. @default 10 */
  readonly badFrames: number;
  /** Most publications that a resume brings; over it, it is `resumed: false`. @default 1000 */
  readonly replayMessages: number;
  /** The same in bytes. @default 1048576 */
  readonly replayBytes: number;
  /**
   * Time for each function of the application, schemas included; then the client is answered `timeout`, and `signal` of the request
   * is aborted. Milliseconds. @default 30000
   */
  readonly requestTimeoutMs: number;
  /** How long the reply to a request or publish with `key` is remembered. Milliseconds. @default 120000 */
  readonly retryWindowMs: number;
  /** Replies to requests with `key` that are remembered; of too many the oldest of a user who has the most is forgotten. So many requests with `key` run at most, too. @default 10000 */
  readonly rememberedReplies: number;
  /** What they take together. Bytes. @default 16777216 */
  readonly rememberedBytes: number;
  /** What all topics together keep in this process; over it the one that was quiet for longest gives way. A `broker` of your own has its own limit. Bytes. @default 67108864 */
  readonly historyBytes: number;
}

/** Of the window in which bad frames are counted. */
export const BAD_FRAME_WINDOW_MS = 10_000;

const defaultLimits: RealtimeLimits = Object.freeze({
  requests: 64,
  topics: 256,
  badFrames: 10,
  replayMessages: 1000,
  replayBytes: 1024 * 1024,
  requestTimeoutMs: 30_000,
  retryWindowMs: 120_000,
  rememberedReplies: 10_000,
  rememberedBytes: 16 * 1024 * 1024,
  historyBytes: 64 * 1024 * 1024,
});

/** For a bound, or a time: nothing is bounded by 0. */
export const count: Kind = wholeNumber(1);

const limitKinds: OptionKinds<RealtimeLimits> = {
  requests: count,
  topics: count,
  badFrames: count,
  replayMessages: count,
  replayBytes: count,
  requestTimeoutMs: count,
  retryWindowMs: count,
  rememberedReplies: count,
  rememberedBytes: count,
  historyBytes: count,
};

/** @throws TypeError for a limit that does not exist, or is no whole number from 1 on. */
export function readLimits(given: Partial<RealtimeLimits> | undefined): RealtimeLimits {
  return { ...defaultLimits, ...readOptions<Partial<RealtimeLimits>>("limits", given, limitKinds) };
}
