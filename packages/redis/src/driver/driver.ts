import type { BrokerState } from "@upwire/cluster/broker";

/** Numbers go as decimal text. */
export type RedisArgument = string | Buffer | number;

/**
 * What Redis answered, the same for every client: strings of both kinds are Buffers, a map is a flat array of keys and values,
 * nil is `null`. An error is no reply: it rejects, or stands as a `RedisReplyError` in the answer of `many`.
 */
export type RedisReply = Buffer | number | null | readonly RedisReply[];

/** A script of Redis (Lua). `scriptOf` makes it. */
export interface RedisScript {
  readonly text: string;
  /** SHA-1 of `text` in hexadecimal, by which the server knows it. */
  readonly sha: string;
}

export interface RedisCommand {
  /** The name first. */
  readonly args: readonly RedisArgument[];
  /** By which a Cluster finds the server. Without it any of its masters is asked. */
  readonly key?: string;
}

export interface RedisScriptCall {
  readonly script: RedisScript;
  /** All of one slot: give them one `{hash tag}`. At least one. */
  readonly keys: readonly [string, ...string[]];
  /** Behind them the driver adds one more: the run of the server that gets the call, "" where the user may not know it. */
  readonly args: readonly RedisArgument[];
}

export type RedisCall = RedisCommand | RedisScriptCall;

/** What a driver tells. None of these may throw. Nothing is told before `start` was called, nor after `close` was. */
export interface RedisDriverSink {
  /** What was published on a channel that is subscribed. It comes as the server gives it, the own included. */
  message(channel: string, data: Buffer): void;
  /** Something that is not ours came on a channel that the driver has for itself. */
  foreign(): void;
  /**
   * These channels were cut off and are subscribed again, which the server has acknowledged: what was published on them in
   * between has not come and will not. It is told before the state that follows from it, and commands work already.
   * `undefined`: all channels.
   */
  resubscribed(channels: readonly string[] | undefined): void;
  /** `state()` has changed. */
  state(state: BrokerState): void;
  /** What went wrong while nothing of it could be a rejection: one line for people. */
  error(error: Error): void;
}

/**
 * Redis as the broker needs it, over a client library: connections of its own, made from the options of the user's client, that are
 * replaced when they end or answer nothing for 4 s.
 *
 * While `state()` is `down` every call rejects at once with a `RedisUnavailableError`: nothing waits in a queue. After a cut it
 * subscribes again and waits for the acknowledgement before any command is let through; thus this node never publishes while it
 * would not hear the answers. A call is never repeated by itself, but for what the server has surely not run (a script that it did
 * not know, a slot that has moved).
 */
export interface RedisDriver {
  /** Whether channels live in slots (SPUBLISH and SSUBSCRIBE); otherwise every server of a Cluster gets every message. */
  readonly sharded: boolean;
  /**
   * Connects, checks that this Redis can do what the broker needs, and fulfils when everything works.
   * @throws RedisStartError that says in one line what is wrong.
   */
  start(sink: RedisDriverSink): Promise<void>;
  /** `degraded`: some of the masters of a Cluster are away. */
  state(): BrokerState;
  /**
   * Calls made one after the other for one key reach the server in that order.
   * @throws RedisReplyError the server's answer: it has not done it.
   * @throws RedisUnavailableError no answer.
   */
  call(call: RedisCall): Promise<RedisReply>;
  /** All in one round trip, in this order for each server. Never rejects: what failed stands as its error in its place. */
  many(calls: readonly RedisCall[]): Promise<readonly (RedisReply | RedisReplyError | RedisUnavailableError)[]>;
  /** The call that publishes, of the kind that `subscribe` hears. */
  publication(channel: string, data: Buffer): RedisCommand;
  /**
   * Fulfils when the server has acknowledged all of them; from then on each message comes, or `resubscribed` tells. While the
   * connection is away it waits until it is back. They are kept until `unsubscribe`, across any number of cuts.
   * @throws RedisReplyError the server refuses one (an ACL, say): none of them is kept.
   */
  subscribe(channels: readonly string[]): Promise<void>;
  /** Messages end at once. */
  unsubscribe(channels: readonly string[]): Promise<void>;
  /** Ends the connections that the driver has made, and rejects what is under way. The user's own client is left as it is. */
  close(): Promise<void>;
}

/** The server's answer was an error: it has not done it. */
export class RedisReplyError extends Error {
  override readonly name: string = "RedisReplyError";
  /** The first word of it: `WRONGTYPE`, `NOPERM`, `OOM`, `READONLY`, … */
  readonly code: string;

  constructor(message: string) {
    super(message);
    this.code = /^[A-Z]+/.exec(message)?.[0] ?? "ERR";
  }
}

/** There was no answer. */
export class RedisUnavailableError extends Error {
  override readonly name: string = "RedisUnavailableError";
  /** It had been sent: whether the server has done it is unknown. When `false`, it has not. */
  readonly maybeDone: boolean;

  constructor(message: string, { maybeDone }: { readonly maybeDone: boolean }) {
    super(message);
    this.maybeDone = maybeDone;
  }
}

/** This Redis, or this client, cannot serve the broker. The message says in one line what was found, and what would be right. */
export class RedisStartError extends Error {
  override readonly name: string = "RedisStartError";
}
