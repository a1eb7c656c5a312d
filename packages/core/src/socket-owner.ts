import type { Socket } from "node:net";

/** What a socket tells the one that owns it. */
export interface SocketOwner {
  onData(chunk: Buffer): void;
  onDrain(): void;
  onEnd(): void;
  onError(cause: Error): void;
  onSocketClose(): void;
}

const ownerKey: unique symbol = Symbol("upwire.owner");

interface OwnedSocket extends Socket {
  [ownerKey]?: SocketOwner;
}

// One set of functions for all sockets: closures would cost each connection half a kilobyte.

function onData(this: OwnedSocket, chunk: Buffer): void {
  this[ownerKey]?.onData(chunk);
}

function onDrain(this: OwnedSocket): void {
  this[ownerKey]?.onDrain();
}

function onEnd(this: OwnedSocket): void {
  this[ownerKey]?.onEnd();
}

function onError(this: OwnedSocket, cause: Error): void {
  this[ownerKey]?.onError(cause);
}

function onClose(this: OwnedSocket): void {
  this[ownerKey]?.onSocketClose();
}

/** From now on `owner` is told what happens on `socket`. */
export function ownSocket(socket: Socket, owner: SocketOwner): void {
  (socket as OwnedSocket)[ownerKey] = owner;
  socket.on("data", onData);
  socket.on("drain", onDrain);
  socket.on("end", onEnd);
  socket.on("error", onError);
  socket.on("close", onClose);
}
