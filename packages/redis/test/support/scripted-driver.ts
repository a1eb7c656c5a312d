import { RedisReplyError, RedisUnavailableError, type RedisCall, type RedisDriver, type RedisDriverSink, type RedisReply } from "../../src/driver/driver.ts";

type Answer = RedisReply | RedisReplyError | RedisUnavailableError;

/** A driver over another one, some of whose answers are replaced, and which counts round trips. */
export class ScriptedDriver implements RedisDriver {
  readonly #inner: RedisDriver;
  /** The round trips: how many calls, and how many bytes each. */
  readonly trips: number[][] = [];
  /** Instead of the next calls of scripts and publications, one after the other. `done`: it is done, and the answer is lost. */
  readonly answers: (Answer | "done")[] = [];

  constructor(inner: RedisDriver) {
    this.#inner = inner;
  }

  get sharded(): boolean {
    return this.#inner.sharded;
  }

  start(sink: RedisDriverSink): Promise<void> {
    return this.#inner.start(sink);
  }

  state(): ReturnType<RedisDriver["state"]> {
    return this.#inner.state();
  }

  async call(call: RedisCall): Promise<RedisReply> {
    const [answer] = await this.many([call]);
    if (answer instanceof Error) throw answer;
    return answer ?? null;
  }

  async many(calls: readonly RedisCall[]): Promise<readonly Answer[]> {
    this.trips.push(calls.map(bytesOf));
    const planned = calls.map(() => this.answers.shift());
    const passed = calls.filter((_, at) => planned[at] === undefined || planned[at] === "done");
    const replies = [...(await this.#inner.many(passed))];
    return planned.map((answer) => {
      const reply = answer === undefined || answer === "done" ? replies.shift() : answer;
      return answer === "done" ? new RedisUnavailableError("the connection was closed", { maybeDone: true }) : (reply ?? null);
    });
  }

  publication(...args: Parameters<RedisDriver["publication"]>): ReturnType<RedisDriver["publication"]> {
    return this.#inner.publication(...args);
  }

  subscribe(channels: readonly string[]): Promise<void> {
    return this.#inner.subscribe(channels);
  }

  unsubscribe(channels: readonly string[]): Promise<void> {
    return this.#inner.unsubscribe(channels);
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}

function bytesOf(call: RedisCall): number {
  return call.args.reduce<number>((sum, argument) => sum + (Buffer.isBuffer(argument) ? argument.byteLength : String(argument).length), 0);
}
