import type { BroadcastOptions, Clock } from "@upwire/core";
import type { Broadcastable, HubPart } from "@upwire/core/adapter";
import type { BrokerState } from "../broker/broker.ts";
import type { CastStats, Reach } from "../casts/types.ts";

export interface ClusterHubOptions {
  /** After so long a node that is silent is named as missing. From 200 milliseconds. @default 800 */
  readonly timeoutMs?: number;
  /**
   * Messages of other nodes to this part may be missing from here on: the broker has lost some, or may have. What a client lacks
   * only the application knows. @param name That of the room or the id of the user; empty for the whole hub.
   */
  readonly onGap?: (part: HubPart, name: string) => void;
  /** The broker works, in part or not at all, from now on. */
  readonly onState?: (state: BrokerState) => void;
  /** Gets what goes wrong and belongs to no call, and what the functions here throw; it is published on the channel `upwire:error` too. @default stderr */
  readonly onError?: (error: unknown) => void;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

/** As those of `broadcast` of an audience. `except` and `missed` are about connections of this node; a `filter` cannot be asked on another one. */
export type ClusterBroadcastOptions<Context = unknown> = Pick<BroadcastOptions<Context>, "except" | "key" | "missed" | "mustArrive">;

export interface ClusterCloseOptions {
  /**
   * A node that is cut off now, and back within this time, closes them then, also those that came meanwhile. From 0 to 3600000
   * milliseconds. @default 60000
   */
  readonly keepMs?: number;
}

export interface ClusterListOptions {
  /** How many connections are listed, at most; those of this node first. From 0 to 10000. @default 1000 */
  readonly limit?: number;
}

export interface ClusterSize {
  /** How many connections there are on the nodes that answered. */
  readonly size: number;
  /** The names of the nodes that did not answer within `timeoutMs`. */
  readonly missing: readonly string[];
}

/** A connection of any node. */
export interface ClusterMember {
  /** Its `connection.id`. */
  readonly id: string;
  /** The node that has it. */
  readonly node: string;
  /** The user whose connection it is, if any: the first one, if there are several. */
  readonly userId: string | undefined;
  readonly rooms: readonly string[];
  readonly remoteAddress: string;
}

export interface ClusterList extends ClusterSize {
  /** At most `limit`, and of each node at most as many as fit in 1 MB. */
  readonly connections: readonly ClusterMember[];
}

/** A connection of any node, which was there a moment ago. */
export interface ClusterConnection extends ClusterMember {
  /**
   * As `connection.send`. It comes before or behind what is broadcast at the same time. `reached` is 1 when the queue took it.
   * @throws (as a rejection) TypeError for what is neither text nor bytes; RangeError for more than about 700 KB to another node.
   */
  send(data: Broadcastable, options?: Pick<ClusterBroadcastOptions, "key" | "mustArrive">): Promise<Reach>;
  /** As `connection.close`; it is kept for no node that is cut off. `reached` is 1 when it was open. @default 1000, no reason. @throws (as a rejection) RangeError as there. */
  close(code?: number, reason?: string): Promise<Reach>;
}

export interface Found {
  /** `undefined` when no node that answered has it. */
  readonly connection: ClusterConnection | undefined;
  readonly missing: readonly string[];
}

/** The connections of all nodes that get the same. Nothing here rejects because a node or the broker fails: the result names who did not answer. */
export interface ClusterAudience<Context = unknown> {
  /**
   * Sends to all members on all nodes: here at once, before the broker has it. The brokers of upwire keep the order of the calls of
   * one node to one part; those of several nodes may arrive in another order on each.
   * @throws (as a rejection) TypeError for what cannot be sent, or an option that does not exist. Then no member gets it.
   */
  broadcast(data: Broadcastable, options?: ClusterBroadcastOptions<Context>): Promise<Reach>;
  /**
   * Closes all members on all nodes, and does not wait for their answers. `reached` is how many were told.
   * @param code @default 1001 @param reason At most 123 bytes. @default "going away"
   * @throws (as a rejection) RangeError or TypeError for what cannot be meant.
   */
  close(code?: number, reason?: string, options?: ClusterCloseOptions): Promise<Reach>;
  size(): Promise<ClusterSize>;
  /** @throws (as a rejection) TypeError for options that cannot be meant. */
  list(options?: ClusterListOptions): Promise<ClusterList>;
}

/** A hub whose rooms and users have connections on several nodes. */
export interface ClusterHub<Context = unknown> extends ClusterAudience<Context> {
  /** The name of this node: for the option `connectionIdPrefix`, by which `get` finds the node of a connection. */
  readonly node: string;
  /** The other nodes that are alive; while the broker is down, the nodes that were alive before. */
  readonly others: readonly string[];
  /** Settles when the broker has started; rejects with why it refuses, which goes to `onError` too. */
  readonly started: Promise<void>;
  /** @throws TypeError for a name that is no string. */
  room(name: string): ClusterAudience<Context>;
  /** @throws TypeError for an id that is no string. */
  user(id: string): ClusterAudience<Context>;
  /** The connection with this `connection.id`. Without `connectionIdPrefix: clusterHub.node` all nodes are asked. */
  get(connectionId: string): Promise<Found>;
  /** Whether the broker works. */
  state(): BrokerState;
  readonly stats: CastStats;
  /** Ends what waits, and closes the broker. The hub and its connections go on, alone. Safe to call twice. */
  stop(): Promise<void>;
}
