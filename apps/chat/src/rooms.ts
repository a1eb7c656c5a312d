import { createHub, type Audience, type Connection, type Hub } from "@upwire/core";
import { envelope, ProtocolError } from "./protocol.ts";

const MAX_ROOMS_PER_CONNECTION = 32;

/** A hub with the limits of the demo. */
export function createChatHub(): Hub {
  return createHub({ maxRoomsPerConnection: MAX_ROOMS_PER_CONNECTION });
}

/** The rooms that users make by joining them. */
export class Rooms {
  readonly #hub: Hub;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  join(connection: Connection, room: string): void {
    const members = this.#hub.room(room);
    if (!members.add(connection)) throw new ProtocolError("too-many-rooms", `At most ${MAX_ROOMS_PER_CONNECTION} rooms at a time; leave one first`);
    connection.send(envelope("room-joined", { room, count: members.size }));
  }

  leave(connection: Connection, room: string): void {
    this.#membersAround(connection, room).delete(connection);
    connection.send(envelope("room-left", { room }));
  }

  say(connection: Connection, room: string, text: string): void {
    this.#membersAround(connection, room).broadcast(envelope("room", { room, from: connection.id, text }));
  }

  /** @throws ProtocolError when `connection` is not one of them. */
  #membersAround(connection: Connection, room: string): Audience {
    const members = this.#hub.room(room);
    if (!members.has(connection)) throw new ProtocolError("not-in-room", `You are not in the room ${room}; join it first`);
    return members;
  }
}
