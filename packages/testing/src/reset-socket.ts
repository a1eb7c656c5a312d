import type { Socket } from "node:net";

/**
 * Ends a plain TCP connection with a reset (RST), at once; what was not sent yet is lost.
 *
 * `resetAndDestroy` alone shuts the writable side down first. When the other side's reset arrives meanwhile, or after an
 * `end` that is still under way, Node's reset fails with EINVAL: `close` is never emitted, and the descriptor stays open and
 * is polled without end.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) {
    socket.destroy();
    return;
  }
  socket.destroySoon = () => socket.destroy();
  socket.resetAndDestroy();
}
