import { createSlot, type Connection } from "@upwire/core";
import type { ChatRealtime } from "./contract.ts";
import { ProtocolError } from "./protocol.ts";

/** How many rooms one client may be in. */
export const MAX_ROOMS = 32;

type Room = ReturnType<typeof roomIn>;

/** The rooms that plain clients are in: the server joins them to the topics that the page subscribes to. */
export class Rooms {
  readonly #realtime: ChatRealtime;
  readonly #countElsewhere: (room: string) => Promise<number>;
  readonly #joined = createSlot<Set<string>>();

  constructor(realtime: ChatRealtime, countElsewhere: (room: string) => Promise<number>) {
    this.#realtime = realtime;
    this.#countElsewhere = countElsewhere;
  }

  /** How many are in it, wherever they are connected. */
  async count(name: string): Promise<number> {
    return this.countHere(name) + (await this.#countElsewhere(name));
  }

  countHere(name: string): number {
    return roomIn(this.#realtime, name).size;
  }

  /** @returns how many are in it now. @throws ProtocolError */
  async join(connection: Connection, name: string): Promise<number> {
    const room = this.#room(name);
    const joined = this.#joined.get(connection) ?? new Set();
    if (joined.size >= MAX_ROOMS && !joined.has(name)) {
      throw new ProtocolError("too-many-rooms", `At most ${MAX_ROOMS} rooms at a time; leave one first`);
    }
    await room.add(connection);
    this.#joined.set(connection, joined.add(name));
    return this.count(name);
  }

  /** @throws ProtocolError when `connection` is not in it. */
  leave(connection: Connection, name: string): void {
    this.#entered(connection, name).delete(connection);
    this.#joined.get(connection)?.delete(name);
  }

  /** @throws ProtocolError when `connection` is not in it. */
  async say(connection: Connection, name: string, text: string): Promise<void> {
    await this.#entered(connection, name).publish("room", { room: name, from: connection.id, text });
  }

  #entered(connection: Connection, name: string): Room {
    if (this.#joined.get(connection)?.has(name) === true) return this.#room(name);
    throw new ProtocolError("not-in-room", `You are not in the room ${name}; join it first`);
  }

  #room(name: string): Room {
    try {
      return roomIn(this.#realtime, name);
    } catch (error) {
      // Some characters take more than one in the name of a topic, so that the longest names do not fit.
      if (error instanceof TypeError) throw new ProtocolError("bad-payload", "payload.room is too long with these characters");
      throw error;
    }
  }
}

function roomIn(realtime: ChatRealtime, room: string) {
  return realtime.topic("room:{room}", { room });
}
