import type { BrokerData, PublishResult } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import type { ReplyDue } from "./replies-due.ts";
import type { TopicPublishOptions } from "./publishing.ts";

export interface OwnPublishInit {
  readonly topic: string;
  readonly data: BrokerData;
  readonly options: TopicPublishOptions;
  /** By the clock. Milliseconds. */
  readonly endMs: number;
}

/** A publish of this node that is not settled. */
export class OwnPublish {
  readonly topic: string;
  readonly data: BrokerData;
  readonly options: TopicPublishOptions;
  readonly endMs: number;
  readonly settled: Promise<PublishResult>;
  /** Its place in the history, once it is known. */
  position: Position | undefined;
  /** What its publisher waits for. */
  due: ReplyDue | undefined;
  /** Whether the publisher knows that it took effect. */
  isTold = false;
  /** Without history: whether the members here have it. */
  isDelivered = false;
  resolve!: (result: PublishResult) => void;
  reject!: (error: Error) => void;

  constructor({ topic, data, options, endMs }: OwnPublishInit) {
    this.topic = topic;
    this.data = data;
    this.options = options;
    this.endMs = endMs;
    this.settled = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
