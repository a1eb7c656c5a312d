// For authors of adapters, transports and layers. What applications use is in index.ts.
export type { FrameOutput } from "./send/frame-output.ts";
export type { Transport, TransportEvents, TransportFault } from "./connection/transport.ts";
export type { HandOver } from "./upgrade/hand-over.ts";
export { accept } from "./ws/accept.ts";
export { answerThroughPlugin, type WebSocketServerLike } from "./ws/answer-through-plugin.ts";
export { check } from "./ws/check.ts";
export { handOverTo, type UpgradeListener } from "./ws/hand-over.ts";
export { pluginServer, type PluginServer } from "./ws/plugin-server.ts";
export type { WebSocketLike } from "./ws/ws-output.ts";
export { wsReaders } from "./ws/ws-readers.ts";
