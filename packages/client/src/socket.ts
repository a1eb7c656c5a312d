export type { Clock, Timer } from "./link/clock.ts";
export type { LinkOptions } from "./link/link.ts";
export type { SocketClass, SocketLike } from "./link/socket-like.ts";
export { ReconnectingSocket, type ReconnectingSocketOptions, type SocketData } from "./socket/reconnecting-socket.ts";
export type { SocketCloseEvent, SocketEvents, SocketListener, SocketListenOptions, SocketMessageEvent } from "./socket/socket-events.ts";
