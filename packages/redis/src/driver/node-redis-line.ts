import type { NodeRedisClient, NodeRedisListener } from "./clients.ts";
import { RedisUnavailableError, type RedisArgument, type RedisReply } from "./driver.ts";
import { lineError } from "./line-error.ts";
import { CONNECT_MS, type Line, type LineAnswer, type LineEvents, type LineSource, type ServerAddress } from "./line.ts";

/** RESP types by their first byte, as node-redis keys its `typeMapping`. */
const SIMPLE_STRING = 43;
const BLOB_STRING = 36;
const VERBATIM_STRING = 61;
const MAP = 37;
const SET = 126;
const BIG_NUMBER = 40;
const BOOLEAN = 35;

const ONE_LIFE = {
  // The parsed address is in `socket`, and `url` would overwrite it.
  url: undefined,
  disableOfflineQueue: true,
  commandsQueueMaxLength: undefined,
  pingInterval: undefined,
  clientSideCache: undefined,
  emitInvalidate: undefined,
  maintNotifications: "disabled",
  readonly: false,
  commandOptions: {
    // The default makes an AbortSignal with a timer for each command, which costs more than the command.
    timeout: undefined,
    // All replies as bytes. A message that arrives while a command waits is decoded with the mapping of that command: without
    // this one, a PING under way would turn the bytes of messages into text.
    typeMapping: {
      [SIMPLE_STRING]: Buffer,
      [BLOB_STRING]: Buffer,
      [VERBATIM_STRING]: Buffer,
      [MAP]: Array,
      [SET]: Array,
      [BIG_NUMBER]: String,
      [BOOLEAN]: Number,
    },
  },
};

class NodeRedisLine implements Line {
  readonly #client: NodeRedisClient;
  readonly #events: LineEvents;
  readonly #isSharded: boolean;
  readonly #listener: NodeRedisListener;
  #lastError: Error | undefined;
  #state: "new" | "open" | "ended" = "new";

  constructor(template: NodeRedisClient, events: LineEvents, { isSharded, address }: { isSharded: boolean; address?: ServerAddress }) {
    this.#events = events;
    this.#isSharded = isSharded;
    this.#listener = (data, channel) => {
      if (this.#state === "open") events.message(channel.toString(), data);
    };
    // `false` never reconnects. With a strategy of its own node-redis would, except after its `socketTimeout`: then it gives up for good.
    const socket = { ...template.options?.socket, ...address, reconnectStrategy: false, connectTimeout: CONNECT_MS, socketTimeout: undefined };
    const client = template.duplicate({ ...ONE_LIFE, socket });
    this.#client = client;
    // Any error ends it: after bytes that it cannot read, node-redis would go on with the next ones.
    client.on("error", (error: Error) => this.#end(error));
    client.on("end", () => this.#end(new Error("the connection was closed")));
  }

  async connect(): Promise<void> {
    try {
      await this.#client.connect();
    } catch (error) {
      this.close();
      throw this.#lastError ?? error;
    }
    // It may have ended again between the library's word and ours.
    if (this.#state !== "new" || this.#lastError !== undefined) {
      this.close();
      throw this.#lastError ?? new Error("the connection was closed");
    }
    this.#state = "open";
  }

  async call(args: readonly RedisArgument[]): Promise<RedisReply> {
    if (this.#state !== "open") throw gone();
    try {
      return (await this.#client.sendCommand(args.map(toWire))) as RedisReply;
    } catch (error) {
      throw lineError(error);
    }
  }

  /** node-redis writes everything of a turn together. */
  many(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]> {
    return Promise.all(calls.map((args) => this.call(args).catch(lineError)));
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (this.#state !== "open") throw gone();
    const client = this.#client;
    const names = [...channels];
    await this.#subscription(this.#isSharded ? client.sSubscribe(names, this.#listener, true) : client.subscribe(names, this.#listener, true));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    if (this.#state !== "open") throw gone();
    const client = this.#client;
    const names = [...channels];
    // The listener is named: without it, a `subscribe` that follows at once would find the old one and send nothing.
    await this.#subscription(this.#isSharded ? client.sUnsubscribe(names, this.#listener, true) : client.unsubscribe(names, this.#listener, true));
  }

  close(): void {
    this.#state = "ended";
    this.#client.destroy();
  }

  async #subscription(command: Promise<unknown>): Promise<void> {
    try {
      await command;
    } catch (error) {
      throw lineError(error);
    }
  }

  #end(reason: Error): void {
    this.#lastError ??= reason;
    if (this.#state !== "open") return;
    this.close();
    this.#events.ended(reason);
  }
}

function toWire(argument: RedisArgument): string | Buffer {
  return typeof argument === "number" ? String(argument) : argument;
}

function gone(): RedisUnavailableError {
  return new RedisUnavailableError("the connection to Redis is closed", { maybeDone: false });
}

export function nodeRedisLines(template: NodeRedisClient): LineSource {
  return { line: (events, options) => new NodeRedisLine(template, events, options) };
}
