import type { RedisArgument, RedisReply, RedisReplyError, RedisUnavailableError } from "./driver.ts";

export interface ServerAddress {
  readonly host: string;
  readonly port: number;
}

export interface LineEvents {
  message(channel: string, data: Buffer): void;
  /** Once, after `connect` was fulfilled: the connection is gone. */
  ended(reason: Error): void;
}

/**
 * One life of one connection to one server. It connects once and ends once; another one takes its place then. So none of the
 * ways in which the client libraries reconnect, queue and send again is ever at work.
 */
export interface Line {
  /** Fulfils when the server has let it in. Rejects with the library's error that says most. */
  connect(): Promise<void>;
  /** @throws RedisReplyError, RedisUnavailableError */
  call(args: readonly RedisArgument[]): Promise<RedisReply>;
  /** In one write. Never rejects. */
  many(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]>;
  /** Fulfils when the server has acknowledged all. @throws RedisReplyError, RedisUnavailableError */
  subscribe(channels: readonly string[]): Promise<void>;
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** At once: what is under way rejects. Any number of times. */
  close(): void;
}

export type LineAnswer = RedisReply | RedisReplyError | RedisUnavailableError;

/** Makes lines with the options of the user's client. */
export interface LineSource {
  /** @param address For one server of a Cluster; otherwise where the client's options lead. */
  line(events: LineEvents, options: { readonly isSharded: boolean; readonly address?: ServerAddress }): Line;
}

/** How long a TCP connection, TLS included, may take. Milliseconds. */
export const CONNECT_MS = 3000;
/** Channels of one SUBSCRIBE. More would hold up the server, and the messages of other channels, for longer. */
export const CHANNELS_AT_ONCE = 2000;
/** Each answer would be taken for that of another command, for ever. */
export const OUT_OF_STEP = "Redis left out the answer of a command, or gave one twice";
