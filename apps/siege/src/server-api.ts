import type { ConnectionLimits } from "@upwire/core";
import type { CompressionOptions } from "@upwire/core/adapter";

/** What a scenario asks of the server, as it crosses to the child process. */
export interface ServerOptions extends ConnectionLimits {
  readonly compression?: boolean | CompressionOptions;
  /** With `streams`, messages are read as streams and answered with their length. */
  readonly taking?: "streams";
}

export interface ServerStats {
  readonly rss: number;
  /** V8's heap and what it holds outside: `external` has the array buffers in it. */
  readonly heap: number;
  /** By `attachment.count`. */
  readonly connections: number;
  readonly members: number;
  readonly rooms: number;
  /** TCP connections of the server, whatever they speak. */
  readonly sockets: number;
  /** Uncaught exceptions and unhandled rejections. */
  readonly faults: readonly string[];
  /** How often `onError` was told of something. */
  readonly reported: number;
  /** How many `close` hooks were called, by the code of the `error` before, else by the close code. */
  readonly endings: Readonly<Record<string, number>>;
}

export interface Peaks {
  readonly rss: number;
  readonly loopDelayMs: number;
  /** Processor time of the longest turn of the event loop since `watchTurns`: what others do on this machine is not in it. */
  readonly turnMs: number;
}

/** One connection over which the server queued more than it may. */
export interface Overdue {
  /** From the moment it was over the size or the age that is allowed to its `close`; `undefined` when it still lives. */
  readonly lateMs: number | undefined;
  /** Code and reason. */
  readonly ending: string;
}

export interface BroadcastPlan {
  readonly perSecond: number;
  readonly seconds: number;
  readonly bytes: number;
}

/** What the process of the server does for the one that attacks it. */
export interface ServerApi {
  stats(withGc: boolean): Promise<ServerStats>;
  /** Starts to watch RSS and the event loop, from now. */
  watch(): Promise<void>;
  /** Starts to measure turns, from now until `peaks`. The event loop never sleeps meanwhile. */
  watchTurns(): Promise<void>;
  /** The highest since `watch`. */
  peaks(): Promise<Peaks>;
  /** Starts to watch every queue for what passes its limits. */
  watchQueues(): Promise<void>;
  overdue(): Promise<readonly Overdue[]>;
  /** Each message begins with the microsecond at which it was planned. Settles when the last is sent. */
  broadcast(plan: BroadcastPlan): Promise<void>;
  /** Closes every connection with 1001. Settles when all are gone. */
  closeAll(): Promise<void>;
}

/** A clock that all processes of this machine share. */
export function nowMicroseconds(): number {
  return Number(process.hrtime.bigint() / 1000n);
}

/** Digits of a planned time in a broadcast. */
export const STAMP_DIGITS = 16;
