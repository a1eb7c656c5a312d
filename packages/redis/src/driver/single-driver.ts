import type { BrokerState } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import { Admission } from "./admission.ts";
import { sendCall, sendMany } from "./calls.ts";
import type { RedisCall, RedisCommand, RedisDriver, RedisDriverSink, RedisReply, RedisScript } from "./driver.ts";
import { RedisUnavailableError } from "./driver.ts";
import type { LineAnswer, LineSource } from "./line.ts";
import { inChunks, ServerLink } from "./server-link.ts";
import { startFailure } from "./start-failure.ts";
import { StartGate } from "./start-gate.ts";

export interface DriverOptions {
  readonly clock: Clock;
  readonly prefix: string;
  /** Of this node alone: it names the channel that the probe goes through. */
  readonly node: string;
  readonly scripts: readonly RedisScript[];
  readonly startWithinMs: number;
}

/** One server, or the one that Sentinels lead to. */
export class SingleDriver implements RedisDriver {
  readonly sharded: boolean;
  readonly #options: DriverOptions;
  readonly #source: LineSource;
  readonly #where: string;
  #gate: StartGate | undefined;
  #link: ServerLink | undefined;
  #sink: RedisDriverSink | undefined;
  #lastError = "";

  constructor(source: LineSource, options: DriverOptions & { readonly sharded: boolean; readonly where: string }) {
    this.#source = source;
    this.#options = options;
    this.sharded = options.sharded;
    this.#where = options.where;
  }

  async start(sink: RedisDriverSink): Promise<void> {
    const { clock, prefix, node, scripts, startWithinMs } = this.#options;
    this.#sink = sink;
    const gate = new StartGate(clock, { where: this.#where, withinMs: startWithinMs, report: (error) => this.#sink?.error(error) });
    this.#gate = gate;
    const warn = (line: string): void => this.#sink?.error(new Error(line));
    const probeChannel = `${prefix}:probe:${node}`;
    const admission = new Admission({ prefix, name: probeChannel, isCluster: false, isSharded: this.sharded, scripts, warn });
    this.#link = new ServerLink({
      source: this.#source,
      clock,
      isSharded: this.sharded,
      probeChannel,
      admit: (line) => admission.admit(line),
      groups: inChunks,
      events: {
        message: (channel, data) => this.#sink?.message(channel, data),
        foreign: () => this.#sink?.foreign(),
        up: () => {
          if (gate.isSettled) this.#sink?.resubscribed(undefined);
          else gate.open();
          this.#sink?.state("up");
        },
        down: (reason) => {
          this.#sink?.state("down");
          this.#sink?.error(new Error(`Redis at ${this.#where} is away: ${reason.message}`));
        },
        failed: (reason) => this.#failed(reason, gate),
      },
    });
    try {
      await gate.opened;
    } catch (error) {
      await this.close();
      throw error;
    }
  }

  #failed(reason: Error, gate: StartGate): void {
    if (!gate.isSettled) return gate.failed(reason);
    const { message, isFinal } = startFailure(reason);
    if (isFinal && message !== this.#lastError) this.#sink?.error(new Error(`Redis at ${this.#where}: ${message}`));
    this.#lastError = message;
  }

  state(): BrokerState {
    return this.#link?.isUp === true ? "up" : "down";
  }

  call(call: RedisCall): Promise<RedisReply> {
    return this.#link === undefined ? Promise.reject(closed()) : sendCall(this.#link, call);
  }

  many(calls: readonly RedisCall[]): Promise<readonly LineAnswer[]> {
    return this.#link === undefined ? Promise.resolve(calls.map(closed)) : sendMany(this.#link, calls);
  }

  publication(channel: string, data: Buffer): RedisCommand {
    return { args: [this.sharded ? "SPUBLISH" : "PUBLISH", channel, data] };
  }

  async subscribe(channels: readonly string[]): Promise<void> {
    if (this.#link === undefined) throw closed();
    await this.#link.subscribe(channels);
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    await this.#link?.unsubscribe(channels);
  }

  async close(): Promise<void> {
    this.#sink = undefined;
    this.#gate?.close();
    this.#link?.close();
    this.#link = undefined;
  }
}

function closed(): RedisUnavailableError {
  return new RedisUnavailableError("this driver is not started, or closed", { maybeDone: false });
}
