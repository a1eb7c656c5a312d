import type { Audience, Connection, Hub } from "@upwire/core";
import type { HubPart } from "@upwire/core/adapter";
import type { ClusterMember } from "./types.ts";

const letters: Readonly<Record<HubPart, string>> = { hub: "h", room: "r", user: "u" };
const parts: Readonly<Record<string, HubPart>> = { h: "hub", r: "room", u: "user" };

/** What the casts call a part of the hub. */
export function addressOf(part: HubPart, name: string): string {
  return letters[part] + name;
}

/** The part that an address is of; `undefined` for one that `addressOf` did not make. */
export function partOf(address: string): readonly [part: HubPart, name: string] | undefined {
  const part = parts[address.charAt(0)];
  const name = address.slice(1);
  return part === undefined || (part === "hub" && name !== "") ? undefined : [part, name];
}

/** The members that an address has here. */
export function audienceOf<Context>(hub: Hub<Context>, address: string): Audience<Context> | undefined {
  const [part, name] = partOf(address) ?? [];
  if (part === undefined || name === undefined) return undefined;
  return part === "hub" ? hub : part === "room" ? hub.room(name) : hub.user(name);
}

/** A connection of this node as others see it. */
export function memberOf<Context>(hub: Hub<Context>, node: string, connection: Connection<Context>): ClusterMember {
  const { id, remoteAddress } = connection;
  return { id, node, userId: hub.usersOf(connection)[0], rooms: hub.roomsOf(connection), remoteAddress };
}
