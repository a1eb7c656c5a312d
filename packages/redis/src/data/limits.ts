/** How much may wait, and go in one call. */
export interface QueueLimits {
  /** Publications with history that wait while Redis is away. */
  readonly messages: number;
  /** What they take. Bytes. */
  readonly bytes: number;
  /** How long one waits. Milliseconds. */
  readonly ageMs: number;
  /** Publications that are under way or wait for it while Redis is there. */
  readonly upMessages: number;
  /** What those take. Bytes. */
  readonly upBytes: number;
  /** Publications of one call. */
  readonly batchMessages: number;
  /** What one call takes, unless one publication alone is larger. Bytes. */
  readonly batchBytes: number;
}

export const defaultLimits: QueueLimits = Object.freeze({
  messages: 1000,
  bytes: 1024 * 1024,
  ageMs: 5000,
  upMessages: 100_000,
  upBytes: 64 * 1024 * 1024,
  batchMessages: 250,
  batchBytes: 256 * 1024,
});
