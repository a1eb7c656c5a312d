import { createHub, type ConnectionHandler, type Hub, type UpgraderOptions } from "@upwire/core";
import { roomOf, type Load } from "./row.ts";

/** The same handler for all seven variants: what a user would write. */
export function handlerFor({ mode }: Load): ConnectionHandler {
  const hub = createHub();
  switch (mode) {
    case "echo":
      return { message: (connection, message) => void connection.send(message) };
    case "broadcast":
      return { open: (connection) => hub.register(connection), message: (_connection, message) => void hub.broadcast(message) };
    case "rooms":
    case "idle":
      return roomHandler(hub);
  }
}

function roomHandler(hub: Hub): ConnectionHandler {
  return {
    open(connection) {
      const room = `room:${roomOf(connection.request.url)}`;
      if (!hub.join(connection, room)) throw new Error("the hub took no more rooms");
    },
    message(connection, message) {
      for (const room of hub.roomsOf(connection)) hub.broadcast(message, { room });
    },
  };
}

export function optionsFor({ deflate }: Load): UpgraderOptions {
  return deflate ? { compression: { thresholdBytes: 0 } } : {};
}
