import calculateSlot from "cluster-key-slot";
import type { RedisReply } from "../driver.ts";
import type { ServerAddress } from "../line.ts";
import { replyArray, replyNumber, replyText } from "../reply.ts";

export const SLOTS = 16_384;

/** First and last slot. */
export type SlotRange = readonly [number, number];

export interface Master {
  /** It keeps it for good, across addresses. */
  readonly id: string;
  readonly address: ServerAddress;
  readonly ranges: readonly SlotRange[];
}

/** What one server of a Cluster says of it. */
export interface Topology {
  readonly masters: readonly Master[];
  /** Of masters and replicas: whom to ask next time. */
  readonly addresses: readonly ServerAddress[];
}

/** Where clients reach the server that calls itself so: through NAT it is another address. */
export type Translate = (server: { readonly id: string } & ServerAddress) => ServerAddress;

export function slotOf(key: string): number {
  return calculateSlot(key);
}

/** Reads the answer to CLUSTER SLOTS. @param asked A server that does not know its own address leaves it out: it is the one asked. */
export function readTopology(reply: RedisReply, asked: ServerAddress, translate: Translate): Topology {
  const masters = new Map<string, { address: ServerAddress; ranges: SlotRange[] }>();
  const addresses = new Map<string, ServerAddress>();
  for (const shard of replyArray(reply)) {
    const [first, last, ...servers] = replyArray(shard);
    servers.forEach((server, index) => {
      const [host, port, name] = replyArray(server);
      const id = replyText(name);
      const said = { host: replyText(host) || asked.host, port: replyNumber(port) };
      if (said.host === "?") return;
      const address = translate({ id, ...said });
      addresses.set(`${address.host}:${address.port}`, address);
      if (index > 0) return;
      const master = masters.get(id) ?? { address, ranges: [] };
      masters.set(id, master);
      master.ranges.push([replyNumber(first), replyNumber(last)]);
    });
  }
  return { masters: [...masters].map(([id, master]) => ({ id, ...master })), addresses: [...addresses.values()] };
}

export function hasSlot(ranges: readonly SlotRange[], slot: number): boolean {
  return ranges.some(([first, last]) => first <= slot && slot <= last);
}

/** A text whose slot is one of these. */
export function tagIn(ranges: readonly SlotRange[]): string {
  for (let tag = 0; ; tag++) {
    if (hasSlot(ranges, slotOf(String(tag)))) return String(tag);
  }
}

/** One command of a Cluster may name channels of one slot only. */
export function bySlot(channels: readonly string[]): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  for (const channel of channels) {
    const slot = slotOf(channel);
    const group = groups.get(slot);
    if (group === undefined) groups.set(slot, [channel]);
    else group.push(channel);
  }
  return [...groups.values()];
}
