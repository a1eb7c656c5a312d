import { createServer } from "node:http";
import { Socket } from "node:net";

/**
 * The functions with which Node's HTTP listens on every socket that it has, and which it takes off all of them when a
 * request leaves HTTP, by an upgrade or by CONNECT. They are the same for all servers and sockets, so a probe finds them:
 * the order of listeners, and what applications add or take away, say nothing.
 */
const events = ["error", "timeout"] as const;
const ofHttp: ReadonlyMap<(typeof events)[number], readonly unknown[]> = probe();

function probe(): Map<(typeof events)[number], readonly unknown[]> {
  const socket = new Socket();
  const before = new Map(events.map((event) => [event, socket.listeners(event)]));
  // It never listens, and has Node's own listener alone.
  createServer().emit("connection", socket);
  const added = events.map((event) => [event, socket.listeners(event).filter((one) => before.get(event)?.includes(one) === false)] as const);
  socket.destroy();
  return new Map(added);
}

/** Whether Node's HTTP reads and writes `socket`. */
export function isHttpSocket(socket: Socket): boolean {
  return events.some((event) => socket.listeners(event).some((listener) => ofHttp.get(event)?.includes(listener)));
}
