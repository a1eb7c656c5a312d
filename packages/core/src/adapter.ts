/** Names for authors of adapters, brokers and layers, beside those of `index.ts`: parts of options and answers, tables, and what plugins on the package `ws` need. */

export type { Defaults } from "./base/defaults.ts";
export type { Approval } from "./checks/decide.ts";
export type { AddOptions, AudienceOptions } from "./hub/audience.ts";
export type { WebSocketLike } from "./ws/ws-exit.ts";
export type { Timer } from "./base/clock.ts";
export type { Retry } from "@upwire/protocol";
export type { CloseAllOptions } from "./shutdown/close-in-waves.ts";
export type { CompressionOptions } from "./wire/compression.ts";
export { closures, refusals, type ClosureCode, type DropCode, type RefusalCode } from "./base/errors.ts";
export type { HubStats } from "./hub/hub.ts";
export type { ErrorSource } from "./connection/options.ts";
export type { TrustProxy } from "./checks/forwarded.ts";
export type { OriginCheck } from "./checks/origin.ts";
export { answerThroughPlugin, type WebSocketServerLike } from "./ws/plugin-ticket.ts";
export type { MessageData } from "./wire/prepared-message.ts";
export type { Refusal, RefusalStatus } from "./checks/refusal.ts";
export type { Broadcastable, Sendable } from "./send/sendable.ts";
export type { ConnectionRequest, FrameworkRequest } from "./checks/upgrade-request.ts";
export type { Slot } from "./connection/slot.ts";
export type { UpgradeAnswer } from "./upgrade/upgrade-ticket.ts";
