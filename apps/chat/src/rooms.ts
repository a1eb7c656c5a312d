import type { Connection, Hub } from "@upwire/core";
import { envelope, ProtocolError } from "./protocol.ts";

const MAX_ROOMS_PER_CONNECTION = 32;
/** Keeps the names that users choose apart from the rooms that the demo itself needs. */
const PREFIX = "room:";

/** The rooms that users make by joining them. */
export class Rooms {
  readonly #hub: Hub;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  join(connection: Connection, room: string): void {
    if (!this.#has(connection, room) && this.#countOf(connection) >= MAX_ROOMS_PER_CONNECTION) {
      throw new ProtocolError("too-many-rooms", `At most ${MAX_ROOMS_PER_CONNECTION} rooms at a time; leave one first`);
    }
    this.#hub.join(connection, PREFIX + room);
    connection.send(envelope("room-joined", { room, count: this.#hub.count(PREFIX + room) }));
  }

  leave(connection: Connection, room: string): void {
    this.#demand(connection, room);
    this.#hub.leave(connection, PREFIX + room);
    connection.send(envelope("room-left", { room }));
  }

  say(connection: Connection, room: string, text: string): void {
    this.#demand(connection, room);
    this.#hub.broadcast(envelope("room", { room, from: connection.id, text }), { room: PREFIX + room });
  }

  #demand(connection: Connection, room: string): void {
    if (!this.#has(connection, room)) throw new ProtocolError("not-in-room", `You are not in the room ${room}; join it first`);
  }

  #has(connection: Connection, room: string): boolean {
    return this.#hub.roomsOf(connection).includes(PREFIX + room);
  }

  #countOf(connection: Connection): number {
    return this.#hub.roomsOf(connection).filter((name) => name.startsWith(PREFIX)).length;
  }
}
