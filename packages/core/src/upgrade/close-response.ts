import { EventEmitter } from "node:events";
import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";

/** Takes no bytes, so nothing is written to it; Deno corks it. */
class ClosingSocket extends EventEmitter {
  cork(): void {}
  uncork(): void {}
}

/** One serves all responses, each for the time of one call, unless a listener ends another response meanwhile. */
let spare: ClosingSocket | undefined = new ClosingSocket();

/**
 * Ends the life of a response that was detached from its socket, which lives on. Node emits `close` on a response only when its
 * socket closes or its own parser goes on; without it `stream.finished` never settles, and spans and limiters never end.
 */
export function closeResponse(res: ServerResponse): void {
  if (res.closed) return;
  if (res.socket !== null) res.detachSocket(res.socket);
  // Node's own listener on a socket sets what `close` stands for.
  const stub = spare ?? new ClosingSocket();
  spare = undefined;
  res.assignSocket(stub as unknown as Socket);
  stub.emit("close");
  res.detachSocket(stub as unknown as Socket);
  spare = stub;
  // Where a runtime has no such listener.
  if (!res.closed) res.emit("close");
}
