import type { HistoryBounds, PublishResult } from "@upwire/cluster/broker";
import type { Connection } from "@upwire/core";
import type { Position, RealtimeError, Since } from "@upwire/protocol";

/** Stands in until `topics/` is there. */
export interface TopicConfig {
  readonly history: HistoryBounds | undefined;
  readonly state: (() => unknown) | undefined;
}

export interface SubscribeResult {
  readonly position: Position | undefined;
  readonly after: number | undefined;
  readonly resumed: boolean;
  readonly state: string | undefined;
}

export interface EnginePublish {
  readonly key?: string | undefined;
  readonly keyMs?: number | undefined;
  readonly except?: Connection | readonly Connection[] | undefined;
  readonly conflate?: string | undefined;
  readonly onPosition?: ((position: Position | undefined) => void) | undefined;
}

export interface TopicEngine {
  subscribe(connection: Connection, name: string, config: TopicConfig, since: Since | undefined, answer: (result: SubscribeResult | RealtimeError) => void): void;
  add(connection: Connection, name: string, config: TopicConfig, answer: (result: RealtimeError | undefined) => void): void;
  unsubscribe(connection: Connection, name: string): boolean;
  has(connection: Connection, name: string): boolean;
  count(connection: Connection): number;
  publish(name: string, config: TopicConfig, data: string | Uint8Array, options: EnginePublish): Promise<PublishResult>;
  closed(connection: Connection): void;
  size(name: string): number;
  members(name: string): Iterable<Connection>;
  save(): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

/** The payload of a reply to a subscribe, and of `upwire.subscribed`. */
export function subscribedText({ position, after, resumed, state }: SubscribeResult): string {
  const place = position === undefined ? "" : `"epoch":${JSON.stringify(position.epoch)},"offset":${position.offset},"after":${after},`;
  return `{${place}"resumed":${resumed}${state === undefined ? "" : `,"state":${state}`}}`;
}
