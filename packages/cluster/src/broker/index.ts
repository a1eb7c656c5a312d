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
export { checkBounds } from "./bounds.ts";
export { checkHistory, checkPublication, checkPublish, checkTell, checkTopic } from "./checks.ts";
export { newEpoch } from "./epoch.ts";
export { notStarted, startedTwice, unavailable } from "./errors.ts";
export { FairMap } from "./fair-map.ts";
export { memoryBroker, type MemoryBrokerOptions } from "./memory-broker.ts";
export { newNodeName } from "./node-name.ts";
export { realClock } from "./real-clock.ts";
export { shareBroker, type SharedBroker } from "./share-broker.ts";
