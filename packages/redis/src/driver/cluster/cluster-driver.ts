import type { BrokerState } from "@upwire/cluster/broker";
import type { Timer } from "@upwire/core/adapter";
import { Admission } from "../admission.ts";
import { keyOf, sendCall, sendMany } from "../calls.ts";
import {
  RedisReplyError,
  RedisUnavailableError,
  type RedisArgument,
  type RedisCall,
  type RedisCommand,
  type RedisDriver,
  type RedisDriverSink,
  type RedisReply,
} from "../driver.ts";
import type { LineAnswer, ServerAddress } from "../line.ts";
import { ServerLink } from "../server-link.ts";
import type { DriverOptions } from "../single-driver.ts";
import { startFailure } from "../start-failure.ts";
import { StartGate } from "../start-gate.ts";
import type { OpenDirectory } from "./directory.ts";
import { grouped } from "./grouped.ts";
import { redirection } from "./redirection.ts";
import { Scout } from "./scout.ts";
import { Shards, type Shard } from "./shards.ts";
import { bySlot } from "./slots.ts";

/** How often the slots are asked for: a connection that only listens is not told when they move. Milliseconds. */
const LOOK_MS = 1000;
const LOOK_DOWN_MS = 250;
/** A slot that is on its way may send a call here and there. */
const REDIRECTIONS = 5;

/** A Redis Cluster: a link to each master, channels in slots. */
export class ClusterDriver implements RedisDriver {
  readonly sharded = true;
  readonly #options: DriverOptions;
  readonly #scout: Scout;
  readonly #shards: Shards;
  /** With the shard that each was given to. */
  readonly #channels = new Map<string, Shard | undefined>();
  #gate: StartGate | undefined;
  #sink: RedisDriverSink | undefined;
  #state: BrokerState = "down";
  #looking: Promise<void> | undefined;
  #timer: Timer | undefined;
  #lastError = "";
  #isClosed = false;

  constructor(open: OpenDirectory, options: DriverOptions) {
    this.#options = options;
    this.#scout = new Scout(open, options.clock);
    this.#shards = new Shards((address, tag) => this.#makeLink(address, tag));
  }

  async start(sink: RedisDriverSink): Promise<void> {
    const { clock, startWithinMs } = this.#options;
    this.#sink = sink;
    this.#gate = new StartGate(clock, { where: "the Cluster", withinMs: startWithinMs, report: this.#report });
    void this.#look();
    try {
      await this.#gate.opened;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  state(): BrokerState {
    return this.#state;
  }

  call(call: RedisCall): Promise<RedisReply> {
    return this.#send(call, REDIRECTIONS);
  }

  async many(calls: readonly RedisCall[]): Promise<readonly LineAnswer[]> {
    const answers: LineAnswer[] = Array<LineAnswer>(calls.length).fill(null);
    const send = async (shard: Shard | undefined, places: readonly number[]): Promise<void> => {
      const some = places.map((at) => calls[at] as RedisCall);
      const got = shard === undefined ? some.map(away) : await sendMany(shard.link, some);
      const followed = got.map((answer, index) => this.#follow(some[index] as RedisCall, answer, REDIRECTIONS));
      await Promise.all(followed.map(async (answer, index) => (answers[places[index] as number] = await answer)));
    };
    const groups = grouped([...calls.keys()], (at) => this.#shardOf(calls[at] as RedisCall));
    await Promise.all([...groups].map(([shard, places]) => send(shard, places)));
    return answers;
  }

  publication(channel: string, data: Buffer): RedisCommand {
    return { args: ["SPUBLISH", channel, data], key: channel };
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#channels.set(channel, undefined);
    let left = channels;
    while (left.length > 0) {
      if (this.#isClosed) throw away();
      const groups = grouped(left, (channel) => this.#shards.ownerOf(channel));
      const again = await Promise.all([...groups].map(([shard, some]) => this.#subscribeOn(shard, some)));
      // What was taken away meanwhile is not wanted any more.
      left = again.flat().filter((channel) => this.#channels.has(channel));
      if (left.length > 0) await this.#look();
    }
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    const groups = grouped(channels, (channel) => this.#channels.get(channel));
    for (const channel of channels) this.#channels.delete(channel);
    await Promise.all([...groups].map(async ([shard, some]) => shard?.link.unsubscribe(some)));
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#sink = undefined;
    this.#gate?.close();
    this.#timer?.cancel();
    this.#shards.close();
    this.#state = "down";
  }

  /** Returns the channels that must be tried again, elsewhere or later. */
  async #subscribeOn(shard: Shard | undefined, channels: readonly string[]): Promise<readonly string[]> {
    if (shard === undefined) {
      await new Promise<void>((resolve) => this.#options.clock.after(LOOK_DOWN_MS, resolve));
      return channels;
    }
    for (const channel of channels) this.#channels.set(channel, shard);
    try {
      await shard.link.subscribe(channels);
      // They may have been given to another shard meanwhile.
      return channels.filter((channel) => this.#channels.has(channel) && this.#channels.get(channel) !== shard);
    } catch (error) {
      if (!(error instanceof RedisReplyError) || redirection(error) !== undefined) return channels;
      for (const channel of channels) this.#channels.delete(channel);
      throw error;
    }
  }

  #shardOf(call: RedisCall): Shard | undefined {
    const key = keyOf(call);
    return key === undefined ? this.#shards.any() : this.#shards.ownerOf(key);
  }

  async #send(call: RedisCall, left: number): Promise<RedisReply> {
    const shard = this.#shardOf(call);
    if (shard === undefined) throw away();
    const answer = await sendCall(shard.link, call).catch((error: unknown) => error as RedisReplyError);
    const followed = await this.#follow(call, answer, left);
    if (followed instanceof Error) throw followed;
    return followed;
  }

  /** Goes where the answer points: what was redirected has not been run. */
  async #follow(call: RedisCall, answer: LineAnswer, left: number): Promise<LineAnswer> {
    const to = answer instanceof RedisReplyError ? redirection(answer) : undefined;
    if (to === undefined) return answer;
    if (left === 0) return new RedisUnavailableError(`the slot ${to.slot} does not come to rest`, { maybeDone: false });
    const target = this.#shards.at(to);
    if (to.isAsk && target !== undefined) {
      const [asked] = await sendMany({ run: target.link.run, call: (args) => target.link.call(args), many: (list) => ask(target, list) }, [call]);
      return this.#follow(call, asked as LineAnswer, left - 1);
    }
    if (target === undefined) await this.#look();
    else {
      this.#shards.give(to.slot, target);
      void this.#look();
    }
    return this.#send(call, left - 1).catch((error: unknown) => error as RedisReplyError);
  }

  /** Finds out who has which slots; one look at a time. Never rejects. */
  #look(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#looking ??= this.#lookOnce().finally(() => {
      this.#looking = undefined;
      this.#timer?.cancel();
      if (this.#isClosed) return;
      this.#timer = this.#options.clock.after(this.#state === "up" ? LOOK_MS : LOOK_DOWN_MS, () => void this.#look());
    });
    return this.#looking;
  }

  async #lookOnce(): Promise<void> {
    try {
      const witnesses = this.#shards.up.map(({ address, link }) => ({ address, call: (args: readonly string[]) => link.call(args) }));
      const { masters } = await this.#scout.look(witnesses);
      if (this.#isClosed) return;
      const gone = this.#shards.apply(masters);
      this.#moveChannels();
      for (const { link } of gone) link.close();
      this.#tellState();
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  #moveChannels(): void {
    const moved = [...this.#channels.keys()].filter((channel) => {
      const owner = this.#shards.ownerOf(channel);
      return owner !== undefined && owner !== this.#channels.get(channel);
    });
    for (const [shard, some] of grouped(moved, (channel) => this.#channels.get(channel))) void shard?.link.unsubscribe(some);
    for (const [shard, some] of grouped(moved, (channel) => this.#shards.ownerOf(channel))) {
      const wasUp = shard?.link.isUp === true;
      void this.#subscribeOn(shard, some).then((again) => {
        const done = some.filter((channel) => !again.includes(channel));
        // A link that was down tells it when it is up.
        if (wasUp && done.length > 0) this.#sink?.resubscribed(done);
      }, this.#report);
    }
  }

  #makeLink(address: ServerAddress, tag: string): ServerLink {
    const { clock, prefix, node, scripts } = this.#options;
    const probeChannel = `${prefix}:probe:${node}:{${tag}}`;
    const warn = (line: string): void => this.#report(new Error(line));
    const admission = new Admission({ prefix, name: probeChannel, isCluster: true, isSharded: true, scripts, warn });
    const link = new ServerLink({
      source: this.#scout.lines,
      clock,
      isSharded: true,
      address,
      probeChannel,
      admit: (line) => admission.admit(line),
      groups: bySlot,
      events: {
        message: (channel, data) => this.#sink?.message(channel, data),
        foreign: () => this.#sink?.foreign(),
        up: () => {
          const { channels } = link;
          if (channels.length > 0) this.#sink?.resubscribed(channels);
          this.#tellState();
        },
        down: (reason) => {
          this.#tellState();
          this.#report(new Error(`Redis at ${address.host}:${address.port} is away: ${reason.message}`));
          void this.#look();
        },
        failed: (reason) => this.#failed(reason),
      },
    });
    return link;
  }

  #failed(error: Error): void {
    if (this.#gate?.isSettled === false) return this.#gate.failed(error);
    const { message, isFinal } = startFailure(error);
    if (isFinal && message !== this.#lastError) this.#report(new Error(`Redis Cluster: ${message}`));
    this.#lastError = message;
  }

  readonly #report = (error: Error): void => this.#sink?.error(error);

  #tellState(): void {
    const { state } = this.#shards;
    if (this.#isClosed || state === this.#state) return;
    // It has not started until everything works.
    if (this.#gate?.isSettled === false && state !== "up") return;
    this.#state = state;
    this.#gate?.open();
    this.#sink?.state(state);
  }
}

async function ask(target: Shard, calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]> {
  const answers = await target.link.many(calls.flatMap((args) => [["ASKING"], args]));
  return answers.filter((_, at) => at % 2 === 1);
}

function away(): RedisUnavailableError {
  return new RedisUnavailableError("no server has this slot at the moment", { maybeDone: false });
}
