import type { Clock } from "@upwire/core";
import type { Broker, BrokerData, BrokerState } from "../broker/broker.ts";

/** What became of something that was meant for the connections of all nodes. */
export interface Reach {
  /** Connections whose queue took it, on all nodes that answered. */
  readonly reached: number;
  /** The names of the nodes that did not answer in time: what they did is not known. */
  readonly missing: readonly string[];
  /** `local-only` when the broker did not take it over in time, as while it is down. Then also a node may have missed it that this one does not know. */
  readonly delivery: "cluster" | "local-only";
}

/** How a cast is sent to each connection. */
export interface CastOptions {
  /** As `key` of `broadcast`: of messages with the same key a slow client gets the newest. */
  readonly key?: string | undefined;
  /** As `mustArrive` of `broadcast`: a client that is too slow for it is closed, and not left without it. */
  readonly mustArrive?: boolean | undefined;
}

/** How other nodes are asked. */
export interface AskOptions {
  /** A node that is cut off now, and back within this time, is asked then, and its answer goes nowhere. From 0 to 3600000 milliseconds. @default 0 */
  readonly keepMs?: number;
  /** How long the answers may take. From 1 millisecond. @default the `timeoutMs` of the casts */
  readonly timeoutMs?: number;
  /** Asked with each answer; with `true` no others are waited for. */
  readonly until?: (answer: unknown) => boolean;
}

/** What the nodes that were asked have answered. */
export interface Asked {
  /** JSON values, by the name of the node. They come from outside: check them. */
  readonly answers: ReadonlyMap<string, unknown>;
  /** The names of the nodes that did not answer in time, or could not answer this question. Empty when `until` ended it. */
  readonly missing: readonly string[];
  /** As in `Reach`. With `keepMs` the question is told as soon as the broker works again. */
  readonly delivery: Reach["delivery"];
}

/** What `Casts` needs of the layer above, which keeps the members of each address. */
export interface CastsOptions {
  /** It is started here, and closed by `close`; a part of a shared one, as `shareBroker` makes it, for a broker with several users. */
  readonly broker: Broker;
  /** Must not throw: `guardedClock` of `@upwire/core/adapter` makes any clock so. */
  readonly clock: Clock;
  /**
   * A cast of another node has come: sends it to the members here. What it throws is reported, and counts as 0.
   * @returns how many queues took it.
   */
  readonly deliver: (address: string, data: BrokerData, options: CastOptions | undefined) => number;
  /** Another node asks something. @returns JSON, or a promise of it; `undefined` for a question that it does not know. */
  readonly answer: (question: unknown, from: string) => unknown;
  /** Gets what the functions here throw, and what the broker refuses. Must not throw. */
  readonly report: (error: unknown) => void;
  /** Casts to the address may be missing from here on: the broker has lost some, or may have. */
  readonly gap?: (address: string) => void;
  /** `broker.state()` has changed. */
  readonly state?: (state: BrokerState) => void;
  /** How long the answers of other nodes are waited for; a node that is silent for longer is named in `missing`. Milliseconds, at least 200. @default 800 */
  readonly timeoutMs?: number;
  /** How long an address is still subscribed after its last member has left. Milliseconds. @default 2000 */
  readonly lingerMs?: number;
  /** Casts that wait for answers at the same time, at most; one over it is sent, and names all other nodes as missing. @default 100000 */
  readonly maxPending?: number;
}

/** What casts have counted since the start, and what waits now. */
export interface CastStats {
  /** Casts that wait for answers now. */
  readonly pending: number;
  /** Questions that wait for answers now. */
  readonly asking: number;
  /** Addresses that are subscribed now, or are to be. */
  readonly addresses: number;
  /** Casts for which not all nodes answered. */
  readonly incomplete: number;
  /** Casts over `maxPending`, questions over the most that may run, and answers that the broker did not take. */
  readonly refused: number;
  /** What came from other nodes and could not be read. */
  readonly malformed: number;
}
