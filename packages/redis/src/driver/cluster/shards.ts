import type { BrokerState } from "@upwire/cluster/broker";
import type { ServerAddress } from "../line.ts";
import type { ServerLink } from "../server-link.ts";
import { hasSlot, slotOf, SLOTS, tagIn, type Master, type SlotRange } from "./slots.ts";

/** A master, and what leads to it. */
export interface Shard {
  readonly address: ServerAddress;
  readonly link: ServerLink;
  /** The hash tag of its probe. When its slot moves away the link must be made anew. */
  readonly tag: string;
  ranges: readonly SlotRange[];
}

export type MakeLink = (address: ServerAddress, tag: string) => ServerLink;

/** The masters of a Cluster, and which of them has which slot. */
export class Shards {
  readonly #makeLink: MakeLink;
  readonly #byId = new Map<string, Shard>();
  readonly #owners: (Shard | undefined)[] = Array<Shard | undefined>(SLOTS).fill(undefined);
  #turn = 0;

  constructor(makeLink: MakeLink) {
    this.#makeLink = makeLink;
  }

  get up(): readonly Shard[] {
    return [...this.#byId.values()].filter(({ link }) => link.isUp);
  }

  get state(): BrokerState {
    const up = this.up.length;
    if (up === 0) return "down";
    return up === this.#byId.size && !this.#owners.includes(undefined) ? "up" : "degraded";
  }

  /** Of a key or a channel. */
  ownerOf(name: string): Shard | undefined {
    return this.#owners[slotOf(name)];
  }

  /** For what any of them can do: another one each time. */
  any(): Shard | undefined {
    const { up } = this;
    return up[this.#turn++ % Math.max(1, up.length)];
  }

  at({ host, port }: ServerAddress): Shard | undefined {
    return [...this.#byId.values()].find(({ address }) => address.host === host && address.port === port);
  }

  /** Until the next `apply`, by which the Cluster itself says it. */
  give(slot: number, to: Shard): void {
    this.#owners[slot] = to;
  }

  /** Takes over how things are. Returns the shards that are masters no more: to be closed. */
  apply(masters: readonly Master[]): readonly Shard[] {
    const gone = new Set(this.#byId.values());
    const ids = new Set(masters.map(({ id }) => id));
    for (const id of this.#byId.keys()) if (!ids.has(id)) this.#byId.delete(id);
    for (const { id, address, ranges } of masters) {
      const shard = this.#byId.get(id);
      if (shard !== undefined && shard.address.host === address.host && shard.address.port === address.port && hasSlot(ranges, slotOf(shard.tag))) {
        shard.ranges = ranges;
        gone.delete(shard);
        continue;
      }
      const tag = tagIn(ranges);
      this.#byId.set(id, { address, ranges, tag, link: this.#makeLink(address, tag) });
    }
    this.#owners.fill(undefined);
    for (const shard of this.#byId.values()) for (const [first, last] of shard.ranges) this.#owners.fill(shard, first, last + 1);
    return [...gone];
  }

  close(): void {
    for (const { link } of this.#byId.values()) link.close();
    this.#byId.clear();
    this.#owners.fill(undefined);
  }
}
