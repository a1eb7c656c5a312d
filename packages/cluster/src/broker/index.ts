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
} from "./broker.ts";
export { FairMap } from "./fair-map.ts";
export { memoryBroker, type MemoryBrokerOptions } from "./memory-broker.ts";
