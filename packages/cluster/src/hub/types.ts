import type { BroadcastOptions, Clock } from "@upwire/core";
import type { Broadcastable, HubPart } from "@upwire/core/adapter";
import type { BrokerState } from "../broker/broker.ts";
import type { CastStats, Reach } from "../casts/types.ts";

/** Options of `createClusterHub`. */
export interface ClusterHubOptions {
  /** How long the answers of other nodes are waited for; a node that is silent for longer is named in `missing`. Milliseconds, at least 200. @default 800 */
  readonly timeoutMs?: number;
  /**
   * Messages of other nodes to this part may be missing from here on: the broker has lost some, or may have. What a client lacks
   * only the application knows. @param name That of the room or the id of the user; empty for the whole hub.
   */
  readonly onGap?: (part: HubPart, name: string) => void;
  /** `state()` has changed: the broker works (`up`), works in part (`degraded`), or does not (`down`) from now on. */
  readonly onState?: (state: BrokerState) => void;
  /** Gets what goes wrong and belongs to no call, and what the functions here throw; it is published on the channel `upwire:error` too. @default stderr */
  readonly onError?: (error: unknown) => void;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

/** Options of `broadcast`, as of an audience of one node. `except` and `missed` are about connections of this node; a `filter` cannot be asked on another one. */
export type ClusterBroadcastOptions<Context = unknown> = Pick<BroadcastOptions<Context>, "except" | "key" | "missed" | "mustArrive">;

/** How connections of all nodes are closed. */
export interface ClusterCloseOptions {
  /**
   * A node that is cut off now, and back within this time, closes them then, also those that came meanwhile. From 0 to 3600000
   * milliseconds. @default 60000
   */
  readonly keepMs?: number;
}

/** How much `list` gives. */
export interface ClusterListOptions {
  /** How many connections are listed, at most; those of this node first. From 0 to 10000. @default 1000 */
  readonly limit?: number;
}

/** How many there are, as far as nodes have answered. */
export interface ClusterSize {
  /** How many connections there are on the nodes that answered. */
  readonly size: number;
  /** The names of the nodes that did not answer within `timeoutMs`. */
  readonly missing: readonly string[];
}

/** What is known of a connection of any node: as it was when its node answered. */
export interface ClusterMember {
  /** Its `connection.id`. */
  readonly id: string;
  /** The node that has it. */
  readonly node: string;
  /** The user whose connection it is, if any: the first one, if there are several. */
  readonly userId: string | undefined;
  /** The names of its rooms. */
  readonly rooms: readonly string[];
  /** Its `connection.remoteAddress`: the address of the client, through the proxies that `trustProxy` names. */
  readonly remoteAddress: string;
}

/** The connections that `list` has found. */
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

/** What `ClusterHub.get` has found. */
export interface Found {
  /** `undefined` when no node that answered has it. */
  readonly connection: ClusterConnection | undefined;
  /** The names of the nodes that did not answer: one of them may have it. */
  readonly missing: readonly string[];
}

/** A set of connections on all nodes: those of a room, of a user, or all. Nothing here rejects because a node or the broker fails: the result names who did not answer. */
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
  /** Counts them on all nodes. Never rejects. */
  size(): Promise<ClusterSize>;
  /** Names them, those of this node first. @throws (as a rejection) TypeError for options that cannot be meant. */
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
  /** The members that a room has on all nodes. It need not exist. @throws TypeError for a name that is no string. */
  room(name: string): ClusterAudience<Context>;
  /** The connections of a user on all nodes. @throws TypeError for an id that is no string. */
  user(id: string): ClusterAudience<Context>;
  /** The connection with this `connection.id`. Without `connectionIdPrefix: clusterHub.node` all nodes are asked. */
  get(connectionId: string): Promise<Found>;
  /** Whether the broker works: `up`, `degraded` (some of it fails) or `down`. */
  state(): BrokerState;
  /** What this node has counted, read anew each time. */
  readonly stats: CastStats;
  /** Ends what waits, and closes the broker. The hub and its connections go on, alone. Safe to call twice. */
  stop(): Promise<void>;
}
