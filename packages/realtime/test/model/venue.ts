import type { Clock, ConnectionHandler, UpgraderOptions } from "@upwire/core";
import type { Wire } from "./wire.ts";

/** How a client is connected. */
export interface WireInit {
  readonly user: string;
  /** One set for each name. */
  readonly name: string;
  readonly options: UpgraderOptions;
  /** What the way to the client holds before it counts as full, where that can be chosen. Bytes. */
  readonly highWaterMark: number;
}

/** A process that clients can connect to. */
export interface Served {
  open(init: WireInit): Promise<Wire>;
  /** Nobody can any more. */
  close(): Promise<void>;
}

/** Where a run takes place: what carries the bytes, and whose time it is. */
export interface Venue {
  readonly clock: Clock;
  readonly topics: readonly string[];
  serve(handler: ConnectionHandler): Promise<Served>;
  /** What is under way moves on. */
  turn(): Promise<void>;
  /** Time passes, with a `turn` after each thing that comes due. */
  pass(ms: number, turn: () => Promise<void>): Promise<void>;
}
