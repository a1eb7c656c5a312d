import type { Clock } from "@upwire/core";
import { inGroups } from "../in-groups.ts";
import { BackOff } from "./back-off.ts";
import { RedisReplyError, RedisUnavailableError, type RedisArgument, type RedisReply } from "./driver.ts";
import { asError } from "./line-error.ts";
import { CHANNELS_AT_ONCE, OUT_OF_STEP, type Line, type LineAnswer, type LineSource, type ServerAddress } from "./line.ts";
import { Pulse } from "./pulse.ts";

export interface ServerLinkOptions {
  readonly source: LineSource;
  readonly clock: Clock;
  readonly isSharded: boolean;
  readonly address?: ServerAddress;
  /** A channel of this link alone. What this node publishes on it each second must come back. */
  readonly probeChannel: string;
  /** Looks at a new connection before it is used, and returns the run of its server. A rejection ends it. */
  readonly admit: (line: Line) => Promise<string>;
  /** Channels that one command may name together. */
  readonly groups: (channels: readonly string[]) => readonly (readonly string[])[];
  readonly events: ServerLinkEvents;
}

interface ServerLinkEvents {
  message(channel: string, data: Buffer): void;
  /** Something came on the channel of the probe that is no probe. */
  foreign(): void;
  /** Commands work, and every channel is subscribed. */
  up(): void;
  /** After `up`: neither is true any more. */
  down(reason: Error): void;
  /** A try to connect failed; the next one follows by itself. */
  failed(reason: Error): void;
}

/** How long a server may take to let both connections in and to answer on them. Milliseconds. */
const ADMIT_MS = 3500;
/** How long it may take, while it answers all else, to acknowledge what is subscribed later: many channels at once, say. Milliseconds. */
const SUBSCRIBE_MS = 10_000;
const COMMANDS = 0;
const MESSAGES = 1;

interface Lines {
  readonly commands: Line;
  readonly messages: Line;
}

interface Waiting {
  readonly channels: readonly string[];
  readonly resolve: () => void;
  readonly reject: (error: Error) => void;
}

/**
 * Two connections to one server, one for commands and one for messages, that live and end together: a node that can publish
 * is a node that hears. When they end, both are made anew, the channels subscribed again, and only then are commands let through.
 */
export class ServerLink {
  readonly #options: ServerLinkOptions;
  readonly #wanted = new Set<string>();
  readonly #backOff = new BackOff();
  readonly #waiting = new Set<Waiting>();
  #pulse: Pulse | undefined;
  #run = "";
  #probes = 0;
  #lines: Lines | undefined;
  #isUp = false;
  #isClosed = false;

  constructor(options: ServerLinkOptions) {
    this.#options = options;
    this.#wanted.add(options.probeChannel);
    void this.#connect();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  /** Of the server process that is connected now; "" where the user may not know it. */
  get run(): string {
    return this.#run;
  }

  /** Without the probe. */
  get channels(): readonly string[] {
    return [...this.#wanted].filter((channel) => channel !== this.#options.probeChannel);
  }

  call(args: readonly RedisArgument[]): Promise<RedisReply> {
    if (!this.#isUp || this.#lines === undefined) return Promise.reject(cutOff());
    return this.#lines.commands.call(args).catch((error: unknown) => {
      this.#look(error);
      throw error;
    });
  }

  async many(calls: readonly (readonly RedisArgument[])[]): Promise<readonly LineAnswer[]> {
    if (!this.#isUp || this.#lines === undefined) return calls.map(cutOff);
    const answers = await this.#lines.commands.many(calls);
    for (const answer of answers) this.#look(answer);
    return answers;
  }

  /** While the link is down it waits until it is up. @throws RedisReplyError none is kept then. */
  async subscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#wanted.add(channel);
    if (this.#isUp && this.#lines !== undefined) {
      const { messages } = this.#lines;
      const deadline = this.#options.clock.after(SUBSCRIBE_MS, () => {
        if (this.#lines?.messages === messages) this.restart(new Error(`Redis did not acknowledge a subscription within ${SUBSCRIBE_MS} ms`));
      });
      try {
        await this.#subscribeOn(messages, channels);
        if (this.#lines?.messages === messages) return;
      } catch (error) {
        if (error instanceof RedisReplyError) {
          for (const channel of channels) this.#wanted.delete(channel);
          throw error;
        }
        // It may end before the library tells so.
        if (this.#lines?.messages === messages) this.restart(asError(error));
      } finally {
        deadline.cancel();
      }
    }
    if (this.#isClosed) throw cutOff();
    // The next connection subscribes all that is wanted before it is up.
    if (!this.#isUp) await new Promise<void>((resolve, reject) => this.#waiting.add({ channels, resolve, reject }));
  }

  async unsubscribe(channels: readonly string[]): Promise<void> {
    for (const channel of channels) this.#wanted.delete(channel);
    const ended = new Set(channels);
    for (const waiting of this.#waiting) {
      if (!waiting.channels.some((channel) => ended.has(channel))) continue;
      this.#waiting.delete(waiting);
      waiting.reject(cutOff());
    }
    const lines = this.#lines;
    if (!this.#isUp || lines === undefined || channels.length === 0) return;
    await Promise.allSettled(this.#options.groups(channels).map((group) => lines.messages.unsubscribe(group)));
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#drop();
    for (const { reject } of this.#waiting) reject(cutOff());
    this.#waiting.clear();
  }

  /** Ends both connections, and begins anew. */
  restart(reason: Error): void {
    if (this.#isClosed) return;
    const wasUp = this.#isUp;
    this.#drop();
    if (wasUp) this.#options.events.down(reason);
    else this.#options.events.failed(reason);
    this.#options.clock.after(this.#backOff.next(), () => void this.#connect());
  }

  async #connect(): Promise<void> {
    if (this.#isClosed) return;
    const { source, isSharded, address, clock, admit } = this.#options;
    const where = { isSharded, ...(address === undefined ? {} : { address }) };
    const ended = (reason: Error): void => {
      if (this.#lines === lines) this.restart(reason);
    };
    let lines: Lines;
    try {
      lines = {
        commands: source.line({ message: () => {}, ended }, where),
        messages: source.line({ message: (channel, data) => this.#heard(channel, data), ended }, where),
      };
    } catch (error) {
      // The library refuses the options of its own client.
      return this.restart(asError(error));
    }
    this.#lines = lines;
    const deadline = clock.after(ADMIT_MS, () => {
      if (this.#lines === lines && !this.#isUp) this.restart(new Error(`Redis did not answer within ${ADMIT_MS} ms`));
    });
    try {
      const [run] = await Promise.all([lines.commands.connect().then(() => admit(lines.commands)), lines.messages.connect()]);
      // Some may be asked for while others are on their way.
      const done = new Set<string>();
      for (;;) {
        const missing = [...this.#wanted].filter((channel) => !done.has(channel));
        if (missing.length === 0) break;
        await this.#subscribeOn(lines.messages, missing);
        for (const channel of missing) done.add(channel);
      }
      if (this.#lines === lines) this.#run = run;
    } catch (error) {
      if (this.#lines === lines) this.restart(asError(error));
      return;
    } finally {
      deadline.cancel();
    }
    if (this.#lines === lines) this.#up(lines.commands);
  }

  #up(commands: Line): void {
    this.#isUp = true;
    this.#backOff.reset();
    const { clock, events, probeChannel, isSharded } = this.#options;
    const publish = isSharded ? "SPUBLISH" : "PUBLISH";
    const pulse = new Pulse(clock, 2, {
      probe: () => {
        const word = `${++this.#probes}`;
        void commands
          .many([
            [publish, probeChannel, word],
            ["PING", word],
          ])
          .then(([answer, echo]) => {
            // An error is an answer.
            if (!(answer instanceof RedisUnavailableError)) pulse.beat(COMMANDS);
            this.#look(answer);
            if (echo instanceof Error || this.#lines?.commands !== commands) return;
            // Each answer would be taken for that of another command, for ever.
            if (!Buffer.isBuffer(echo) || echo.toString() !== word) this.restart(new Error(OUT_OF_STEP));
          });
      },
      dead: (silentMs) => this.restart(new Error(`Redis has not answered for ${Math.round(silentMs)} ms`)),
    });
    this.#pulse = pulse;
    for (const { resolve } of this.#waiting) resolve();
    this.#waiting.clear();
    events.up();
  }

  async #subscribeOn(line: Line, channels: readonly string[]): Promise<void> {
    // All are waited for, so that no rejection is left without a listener.
    const results = await Promise.allSettled(this.#options.groups(channels).map((group) => line.subscribe(group)));
    const failed = results.find((result) => result.status === "rejected");
    if (failed !== undefined) throw failed.reason;
  }

  #heard(channel: string, data: Buffer): void {
    this.#pulse?.beat(MESSAGES);
    const { probeChannel, events } = this.#options;
    if (channel === probeChannel) {
      if (!this.#isProbe(data)) events.foreign();
    } else if (this.#wanted.has(channel)) events.message(channel, data);
  }

  #isProbe(data: Buffer): boolean {
    const number = /^[1-9][0-9]{0,15}$/.exec(data.toString("latin1", 0, 17))?.[0];
    return number !== undefined && Number(number) <= this.#probes;
  }

  /** A master that has become a replica, or loads its data, serves nothing: another connection may lead elsewhere. */
  #look(answer: unknown): void {
    if (!(answer instanceof RedisUnavailableError) || answer.maybeDone) return;
    if (/^(LOADING|READONLY|MASTERDOWN|CLUSTERDOWN) /.test(answer.message)) this.restart(answer);
  }

  #drop(): void {
    this.#isUp = false;
    this.#pulse?.stop();
    this.#pulse = undefined;
    const lines = this.#lines;
    this.#lines = undefined;
    lines?.commands.close();
    lines?.messages.close();
  }
}

function cutOff(): RedisUnavailableError {
  return new RedisUnavailableError("Redis is away", { maybeDone: false });
}

/** For a server whose channels have no slots. */
export function inChunks(channels: readonly string[]): readonly (readonly string[])[] {
  return inGroups(channels, CHANNELS_AT_ONCE);
}
