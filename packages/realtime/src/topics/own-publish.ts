import type { BrokerData, PublishResult } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import type { ReplyDue } from "./replies-due.ts";
import type { TopicPublishOptions } from "./publish-options.ts";

/** A publish of this node that is not settled. */
export class OwnPublish {
  readonly topic: string;
  readonly data: BrokerData;
  readonly options: TopicPublishOptions;
  /** When the broker has to have answered, by the clock. Milliseconds. */
  endMs = 0;
  /** By it the broker gives it back. */
  origin: string | undefined;
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

  constructor(topic: string, data: BrokerData, options: TopicPublishOptions) {
    this.topic = topic;
    this.data = data;
    this.options = options;
    this.settled = new Promise((resolve, reject) => {
      this.resolve = resolve;
      this.reject = reject;
    });
  }
}
