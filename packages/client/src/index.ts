export { RealtimeError, type Position, type Since } from "@upwire/protocol";
export { createClient, type Client, type GapInfo, type SubscribedInfo, type Topic, type TopicOptions, type WireFrame } from "./client/client.ts";
export type { Fetch } from "./client/handshake-check.ts";
export type { ClientOptions } from "./client/options.ts";
export type { AskOptions, QueuePolicy } from "./client/outbox.ts";
export type { Address, ClientStatus } from "./client/status.ts";
export type { Clock, Timer } from "./link/clock.ts";
export type { LinkOptions } from "./link/link.ts";
export type { SocketClass, SocketLike } from "./link/socket-like.ts";
