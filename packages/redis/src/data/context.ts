import type { BrokerSink } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { RedisDriver } from "../driver/driver.ts";
import type { Names } from "./names.ts";

/** What happened, for the stats of the broker. */
export interface DataCounts {
  published: number;
  rejected: number;
  received: number;
  lost: number;
  foreign: number;
}

/** What all parts of the data half have in common. */
export interface DataContext {
  readonly driver: RedisDriver;
  readonly names: Names;
  /** The name of this node. */
  readonly node: string;
  readonly clock: Clock;
  readonly sink: Pick<BrokerSink, "message" | "top" | "gap">;
  readonly counts: DataCounts;
  /** What went wrong where no call could be rejected for it: a line for people. */
  report(error: Error): void;
}
