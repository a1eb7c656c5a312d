import { createHub, type ConnectionHandler, type Hub, type UpgraderOptions } from "@upwire/core";
import { roomOf, type Load } from "./row.ts";

/** The same handler for all seven variants: what a user would write. */
export function handlerFor({ mode }: Load): ConnectionHandler {
  const hub = createHub();
  if (mode === "echo") return { message: (connection, message) => void connection.send(message) };
  // Taking the address apart is the benchmark's own work: only where rooms are what is measured.
  if (mode !== "broadcast") return roomHandler(hub, mode === "rooms" ? roomOf : () => "lobby");
  return { open: (connection) => hub.add(connection), message: (_connection, message) => void hub.broadcast(message) };
}

function roomHandler(hub: Hub, roomIn: (url: string) => string): ConnectionHandler {
  return {
    open(connection) {
      const room = `room:${roomIn(connection.request.url)}`;
      if (!hub.room(room).add(connection)) throw new Error("the hub took no more rooms");
    },
    message(connection, message) {
      for (const room of hub.roomsOf(connection)) hub.room(room).broadcast(message);
    },
  };
}

export function optionsFor({ deflate }: Load): UpgraderOptions {
  return deflate ? { compression: { thresholdBytes: 0 } } : {};
}
