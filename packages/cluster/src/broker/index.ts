export type {
  Broker,
  BrokerCapabilities,
  BrokerData,
  BrokerPublication,
  BrokerSink,
  BrokerState,
  HistoryBounds,
  HistoryPage,
  PublishOptions,
  PublishResult,
  TellOptions,
} from "./broker.ts";
export type { BrokerStats } from "./broker-stats.ts";
export { checkBounds, checkHistory, checkPublish, checkSubscribe, checkTell, checkTopic } from "./checks.ts";
export { isBroker } from "./is-broker.ts";
export { newEpoch } from "./epoch.ts";
export { closed, notStarted, startedTwice, unavailable } from "./errors.ts";
export { FairMap } from "./fair-map.ts";
export { DEFAULT_KEY_MS } from "./known-keys.ts";
export { memoryBroker, type MemoryBrokerOptions } from "./memory-broker.ts";
export { isNodeName, newNodeName } from "./node-name.ts";
export { realClock } from "./real-clock.ts";
export { shareBroker, type SharedBroker } from "./share-broker.ts";
