import type { Socket } from "node:net";
import { holderKey } from "../base/cross-copy.ts";
import { inNoContext } from "../base/no-context.ts";

/** What a socket tells its holder, also while nothing reads from it. */
export interface SocketHolder {
  onEnd(): void;
  onError(cause: Error): void;
  onSocketClose(): void;
}

/** What a socket tells a holder that reads and writes it. */
export interface SocketOwner extends SocketHolder {
  onData(chunk: Buffer): void;
  onDrain(): void;
}

interface HeldSocket extends Socket {
  [holderKey]?: SocketHolder | undefined;
}

// One set of functions for all sockets: closures would cost each connection half a kilobyte.
// Node emits `data` in no async context, and the other events in the context of the write or the `destroy` that caused them.

function onData(this: HeldSocket, chunk: Buffer): void {
  (this[holderKey] as SocketOwner).onData(chunk);
}

function onDrain(this: HeldSocket): void {
  inNoContext(relayDrain, this[holderKey] as SocketOwner);
}

function onEnd(this: HeldSocket): void {
  inNoContext(tellEnd, this[holderKey]);
}

function onError(this: HeldSocket, cause: Error): void {
  inNoContext(tellError, this[holderKey], cause);
}

function onClose(this: HeldSocket): void {
  inNoContext(tellClose, this[holderKey]);
}

function relayDrain(owner: SocketOwner): void {
  owner.onDrain();
}

function tellEnd(holder: SocketHolder | undefined): void {
  holder?.onEnd();
}

function tellError(holder: SocketHolder | undefined, cause: Error): void {
  holder?.onError(cause);
}

function tellClose(holder: SocketHolder | undefined): void {
  holder?.onSocketClose();
}

/** From now on `holder` is told when `socket` ends, fails or closes, and the one before it is told nothing any more. */
export function holdSocket(socket: Socket, holder: SocketHolder): void {
  const held = socket as HeldSocket;
  const isFirst = held[holderKey] === undefined;
  held[holderKey] = holder;
  if (!isFirst) return;
  socket.on("end", onEnd);
  socket.on("error", onError);
  socket.on("close", onClose);
}

/** Takes our listeners off `socket`, which goes back to where it came from. */
export function letGoOf(socket: Socket): void {
  const held = socket as HeldSocket;
  if (held[holderKey] === undefined) return;
  held[holderKey] = undefined;
  socket.off("end", onEnd);
  socket.off("error", onError);
  socket.off("close", onClose);
}

/** Takes off the timeouts that middleware has set for the HTTP request. Their listeners may keep the request alive. */
function endTimeouts(socket: Socket): void {
  if (socket.timeout !== undefined && socket.timeout > 0) socket.setTimeout(0);
  if (socket.listenerCount("timeout") > 0) socket.removeAllListeners("timeout");
}

/** From now on `owner` is told everything that happens on `socket`. */
export function ownSocket(socket: Socket, owner: SocketOwner): void {
  holdSocket(socket, owner);
  endTimeouts(socket);
  socket.on("data", onData);
  socket.on("drain", onDrain);
}

/** For a socket without a holder. Not a closure: one would keep what it closes over as long as the socket. */
export function destroySocket(this: Socket): void {
  this.destroy();
}
