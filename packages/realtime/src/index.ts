/** Names for applications. */

export type {
  AnsweredMessage,
  EventCall,
  MessageKind,
  OpenedConnection,
  Published,
  PublishCall,
  ReceivedMessage,
  RequestCall,
  StateCall,
  SubscribeCall,
} from "./calls.ts";
export { createRealtime } from "./create-realtime.ts";
export type { CloseOptions } from "./close-options.ts";
export type { RealtimeLimits } from "./limits.ts";
export type { CommonOptions, FallbackHandler, LooseContract, LooseOptions, PublishedOn, RealtimeOptions, TopicRules } from "./options.ts";
export type { OneConnection, Realtime, Recipients, Topic, UserConnections } from "./realtime.ts";
export type { RealtimeStats } from "./stats.ts";
export { tokenOf, type TokenRequest } from "./token.ts";
export type { PublishedTo, PublicationOptions } from "./topic-handle.ts";
export type { TopicStats } from "./topics/stats.ts";
export { memoryBroker, type Broker, type HistoryBounds, type MemoryBrokerOptions } from "@upwire/cluster/broker";
export type { Reach } from "@upwire/cluster/casts";
export { defineContract, RealtimeError, request, topic, type Contract } from "@upwire/protocol";
