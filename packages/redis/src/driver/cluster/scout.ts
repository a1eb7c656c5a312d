import type { Clock } from "@upwire/core";
import type { RedisReply } from "../driver.ts";
import { CONNECT_MS, type Line, type ServerAddress } from "../line.ts";
import type { Directory, OpenDirectory } from "./directory.ts";
import { readTopology, type Topology } from "./slots.ts";

/** A server that is connected already. */
export interface Witness {
  readonly address: ServerAddress;
  call(args: readonly string[]): Promise<RedisReply>;
}

const QUESTION = ["CLUSTER", "SLOTS"];

/** Finds out who has which slots: from a server that is connected, else from any that was ever seen, else from the user's own start nodes. */
export class Scout {
  readonly #open: OpenDirectory;
  readonly #clock: Clock;
  #directory: Directory | undefined;
  #addresses: readonly ServerAddress[] = [];
  #turn = 0;

  constructor(open: OpenDirectory, clock: Clock) {
    this.#open = open;
    this.#clock = clock;
  }

  /** After the first `look`. */
  get lines(): Directory["lines"] {
    return (this.#directory as Directory).lines;
  }

  async look(witnesses: readonly Witness[]): Promise<Topology> {
    this.#directory ??= await this.#open();
    const topology = (await this.#askConnected(witnesses)) ?? (await this.#askAny());
    this.#addresses = topology.addresses;
    return topology;
  }

  /** Another one each time: one may be behind. */
  async #askConnected(witnesses: readonly Witness[]): Promise<Topology | undefined> {
    const witness = witnesses[this.#turn++ % Math.max(1, witnesses.length)];
    if (witness === undefined) return undefined;
    try {
      return this.#read(await witness.call(QUESTION), witness.address);
    } catch {
      return undefined;
    }
  }

  async #askAny(): Promise<Topology> {
    const known = [...this.#addresses, ...(this.#directory as Directory).addresses];
    try {
      return await Promise.any(known.map((address) => this.#ask(address)));
    } catch {
      // None of them: perhaps all have moved.
      this.#directory = await this.#open();
      return await Promise.any(this.#directory.addresses.map((address) => this.#ask(address))).catch((error: unknown) => {
        throw (error as AggregateError).errors[0];
      });
    }
  }

  async #ask(address: ServerAddress): Promise<Topology> {
    const line: Line = this.lines.line({ message: () => {}, ended: () => {} }, { isSharded: true, address });
    const deadline = this.#clock.after(CONNECT_MS, () => line.close());
    try {
      await line.connect();
      return this.#read(await line.call(QUESTION), address);
    } finally {
      deadline.cancel();
      line.close();
    }
  }

  #read(reply: RedisReply, asked: ServerAddress): Topology {
    const topology = readTopology(reply, asked, (this.#directory as Directory).translate);
    if (topology.masters.length === 0) throw new Error("CLUSTERDOWN this server knows no master that has slots");
    return topology;
  }
}
