import type { IoredisClient } from "./clients.ts";
import { RedisUnavailableError, type RedisArgument, type RedisReply } from "./driver.ts";
import { lineError } from "./line-error.ts";
import { CONNECT_MS, type Line, type LineAnswer, type LineEvents, type LineSource, type ServerAddress } from "./line.ts";

/**
 * What a line sets, whatever the user's client has. Each of these would send, queue or answer behind our back: with its defaults
 * ioredis keeps commands without bound while it is cut off and sends them again to a server that may have run them.
 */
const ONE_LIFE = {
  lazyConnect: true,
  retryStrategy: () => null,
  sentinelRetryStrategy: () => null,
  reconnectOnError: null,
  enableOfflineQueue: false,
  // Whether the server loads its data yet is asked by ourselves; this one would wait, and ask with INFO, which an ACL may forbid.
  enableReadyCheck: false,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  maxRetriesPerRequest: null,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  socketTimeout: undefined,
  connectTimeout: CONNECT_MS,
  // `disconnect` ends the stream politely and destroys it so many milliseconds later: a frozen server ends nothing.
  disconnectTimeout: 1,
  // It goes before keys but not before channels; our own prefix goes before both.
  keyPrefix: "",
  readOnly: false,
  monitor: false,
  stringNumbers: false,
  replyMapping: "legacy",
  himportFieldsets: undefined,
};

class IoredisLine implements Line {
  readonly #redis: IoredisClient;
  readonly #events: LineEvents;
  readonly #isSharded: boolean;
  #lastError: Error | undefined;
  #state: "new" | "open" | "ended" = "new";

  constructor(template: IoredisClient, events: LineEvents, { isSharded, address }: { isSharded: boolean; address?: ServerAddress }) {
    this.#events = events;
    this.#isSharded = isSharded;
    const redis = template.duplicate({ ...ONE_LIFE, ...address });
    this.#redis = redis;
    // What comes before is the cause of what follows: "Connection is closed." follows everything.
    redis.on("error", (error: Error) => {
      this.#lastError ??= error;
      // Answers that it cannot read, or did not ask for: from here on each would be taken for that of another command.
      if (this.#state === "open") redis.disconnect();
    });
    redis.on("close", () => this.#end());
    redis.on(isSharded ? "smessageBuffer" : "messageBuffer", (channel: Buffer, data: Buffer) => {
      if (this.#state === "open") events.message(channel.toString(), data);
    });
  }

  async connect(): Promise<void> {
    try {
      await this.#redis.connect();
    } catch (error) {
      this.close();
      throw this.#lastError ?? error;
    }
    if (this.#state !== "new") throw this.#lastError ?? new Error("the connection was closed");
    if (this.#lastError !== undefined) {
      // It tells that there is no such database, and would go on with the first one.
      this.close();
      throw this.#lastError;
    }
    this.#state = "open";
  }

  async call(args: readonly RedisArgument[]): Promise<RedisReply> {
    if (this.#state !== "open") throw gone();
    try {
      return (await this.#redis.callBuffer(args[0] as string, args.slice(1))) as RedisReply;
    } catch (error) {
      throw lineError(error);
    }
  }

  many(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]> {
    if (this.#state !== "open") return Promise.resolve(calls.map(gone));
    const [only] = calls;
    if (only === undefined || calls.length > 1) return this.#pipeline(calls);
    // A pipeline of one costs several times as much.
    return this.#redis.callBuffer(only[0] as string, only.slice(1)).then(
      (reply) => [reply as RedisReply],
      (error: unknown) => [lineError(error)],
    );
  }

  async #pipeline(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]> {
    const pipeline = this.#redis.pipeline();
    for (const args of calls) pipeline.callBuffer(args[0] as string, args.slice(1));
    try {
      const answers = (await pipeline.exec()) ?? [];
      return answers.map(([error, reply]) => (error === null ? (reply as RedisReply) : lineError(error)));
    } catch (error) {
      return calls.map(() => lineError(error));
    }
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (this.#state !== "open") throw gone();
    await this.#subscription(this.#isSharded ? this.#redis.ssubscribe(...channels) : this.#redis.subscribe(...channels));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    if (this.#state !== "open") throw gone();
    await this.#subscription(this.#isSharded ? this.#redis.sunsubscribe(...channels) : this.#redis.unsubscribe(...channels));
  }

  close(): void {
    this.#state = "ended";
    this.#redis.disconnect();
  }

  async #subscription(command: Promise<unknown>): Promise<void> {
    try {
      await command;
    } catch (error) {
      throw lineError(error);
    }
  }

  #end(): void {
    const wasOpen = this.#state === "open";
    this.#state = "ended";
    if (wasOpen) this.#events.ended(this.#lastError ?? new Error("the connection was closed"));
  }
}

function gone(): RedisUnavailableError {
  return new RedisUnavailableError("the connection to Redis is closed", { maybeDone: false });
}

export function ioredisLines(template: IoredisClient): LineSource {
  return { line: (events, options) => new IoredisLine(template, events, options) };
}
