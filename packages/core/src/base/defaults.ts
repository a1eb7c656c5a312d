import { CloseCode } from "./close-code.ts";

/** Every default of upwire that is a number or a word. Times are in milliseconds, sizes in bytes. */
export interface Defaults {
  /** Of a route. */
  readonly upgrade: { readonly origin: "same-origin"; readonly handshakeTimeoutMs: number; readonly maxBatchDelayMs: number };
  /** Of each connection of a route. */
  readonly connection: {
    readonly maxMessageBytes: number;
    readonly maxFragments: number;
    readonly maxStreamBytes: number;
    readonly maxQueueBytes: number;
    readonly maxQueueMessages: number;
    readonly slowConsumer: "close";
    readonly writeTimeoutMs: number;
    readonly messageTimeoutMs: number;
    readonly streamTimeoutMs: number;
    readonly pingIntervalMs: number;
    readonly pongTimeoutMs: number;
    readonly idleTimeoutMs: number;
    readonly openTimeoutMs: number;
    readonly closeTimeoutMs: number;
  };
  /** Of `rateLimit`, where that is set. */
  readonly rateLimit: { readonly patienceMs: number };
  /** Of `compression`, where that is set. With `sharedHistory`, `thresholdBytes` is `sharedThresholdBytes`. */
  readonly compression: {
    readonly thresholdBytes: number;
    readonly sharedThresholdBytes: number;
    readonly maxDeflateBytes: number;
    readonly level: number;
    readonly sharedHistory: boolean;
  };
  /** Of `message.json()`. */
  readonly json: { readonly maxDepth: number };
  /** Of a server. */
  readonly attach: { readonly handshakeTimeoutMs: number; readonly headTimeoutMs: number; readonly maxPendingHandshakes: number };
  readonly hub: { readonly maxRoomsPerConnection: number; readonly maxRoomNameLength: number };
  /** Of the `close` of a server, a hub or a room. */
  readonly close: { readonly code: number; readonly reason: string; readonly graceMs: number };
  readonly shutdown: { readonly spreadMs: number; readonly retryAfterMs: number; readonly graceMs: number; readonly code: number };
}

const HANDSHAKE_TIMEOUT_MS = 10_000;

export const defaults: Defaults = deepFreeze({
  upgrade: { origin: "same-origin", handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, maxBatchDelayMs: 0 },
  connection: {
    maxMessageBytes: 1024 * 1024,
    maxFragments: 1024,
    maxStreamBytes: 1024 * 1024 * 1024,
    maxQueueBytes: 1024 * 1024,
    maxQueueMessages: 16_384,
    slowConsumer: "close",
    writeTimeoutMs: 10_000,
    messageTimeoutMs: 30_000,
    streamTimeoutMs: 30_000,
    pingIntervalMs: 25_000,
    pongTimeoutMs: 20_000,
    idleTimeoutMs: 0,
    openTimeoutMs: 30_000,
    closeTimeoutMs: 5_000,
  },
  rateLimit: { patienceMs: 10_000 },
  // JSON of 64 bytes becomes 25 with a shared history, and one deflate of some 20 microseconds serves all members.
  compression: { thresholdBytes: 1024, sharedThresholdBytes: 64, maxDeflateBytes: 256 * 1024, level: 6, sharedHistory: false },
  json: { maxDepth: 64 },
  attach: { handshakeTimeoutMs: HANDSHAKE_TIMEOUT_MS, headTimeoutMs: 10_000, maxPendingHandshakes: 10_000 },
  hub: { maxRoomsPerConnection: 128, maxRoomNameLength: 255 },
  close: { code: CloseCode.goingAway, reason: "going away", graceMs: 5000 },
  shutdown: { spreadMs: 5000, retryAfterMs: 1000, graceMs: 5000, code: CloseCode.serviceRestart },
});

function deepFreeze(groups: Defaults): Defaults {
  for (const group of Object.values(groups)) Object.freeze(group);
  return Object.freeze(groups);
}
