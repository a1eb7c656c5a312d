import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Stands in for a socket. A closed response writes nothing to it; Deno calls `cork`. */
class ClosingSocket extends EventEmitter {
  cork(): void {}
  uncork(): void {}
}

/** One stand-in serves all responses, each for the time of one call. Only a listener that ends another response meanwhile needs a second. */
let spare: ClosingSocket | undefined = new ClosingSocket();

/**
 * Ends the life of a response that was detached from its socket, which lives on. Node emits `close` on a response only when its
 * socket closes or its own parser goes on; without it `stream.finished` never settles, and spans and limiters never end.
 */
export function closeResponse(res: ServerResponse): void {
  if (res.closed) return;
  if (res.socket !== null) res.detachSocket(res.socket);
  // Node marks a response as closed in a listener that it puts on the socket: so the response gets a stand-in that closes.
  const stub = spare ?? new ClosingSocket();
  spare = undefined;
  res.assignSocket(stub as unknown as Socket);
  stub.emit("close");
  res.detachSocket(stub as unknown as Socket);
  spare = stub;
  // Other runtimes may have no such listener.
  if (!res.closed) res.emit("close");
}
