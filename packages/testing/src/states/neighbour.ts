import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import type { Neighbour } from "./cell.ts";

export const THEIR_PATH = "/theirs";
/** All that the neighbour sends by itself. */
export const THEIR_ANSWER = "HTTP/1.1 101 Neighbour\r\nConnection: Upgrade\r\nUpgrade: neighbour\r\n\r\n<the neighbour's own>";
/** How long a late neighbour thinks: longer than a turn of the event loop, as with a login or a proxied server. */
const THINKS_MS = 30;

/** Another library on the server, which takes the upgrade requests of its path: it answers, and echoes bytes. */
export function addNeighbour(server: Server, neighbour: Neighbour): void {
  if (neighbour === "alone") return;
  const take = (socket: Duplex): void => {
    socket.on("end", () => socket.end());
    socket.on("data", (bytes: Buffer) => socket.write(bytes));
    socket.write(THEIR_ANSWER);
  };
  server.on("upgrade", (req: IncomingMessage, socket: Duplex) => {
    if (req.url !== THEIR_PATH || neighbour === "never") return;
    socket.on("error", () => {});
    if (neighbour === "at once") take(socket);
    else setTimeout(() => take(socket), THINKS_MS);
  });
}
