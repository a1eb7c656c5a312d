import { forget } from "./audience.ts";
import type { CloseInfo } from "../base/close-code.ts";
import type { Connection } from "../connection/connection.ts";
import { Crowd, DEFAULT_FORMAT } from "./crowd.ts";
import { HookQueue } from "./hook-queue.ts";
import { MembersById } from "./members.ts";
import { countOf, listOf, withName, withoutName, type Names } from "./names.ts";
import { createSlot } from "../connection/slot.ts";

/** Where a connection is that belongs to a user. One without a user has the names of its rooms alone, which takes no object. */
class Places {
  rooms: Names;
  users: Names;

  constructor(rooms: Names) {
    this.rooms = rooms;
  }
}

/** What a hub tells about its rooms. */
export interface RoomHooks<Context> {
  readonly onJoin?: ((room: string, connection: Connection<Context>) => void) | undefined;
  readonly onLeave?: ((room: string, connection: Connection<Context>) => void) | undefined;
  readonly onFirst?: ((room: string) => void) | undefined;
  readonly onEmpty?: ((room: string) => void) | undefined;
}

/** An audience of a hub: all of it, a room, or the connections of a user. */
export type HubPart = "hub" | "room" | "user";

/** Called as the hooks of a hub are: one after the other, in the order of what happened, never in the middle of a broadcast. */
export interface HubObserver {
  /** A part has a member now, after it had none. `name` is that of the room or the id of the user; empty for the hub. */
  readonly onFirst?: ((part: HubPart, name: string) => void) | undefined;
  /** Its last member has left. */
  readonly onEmpty?: ((part: HubPart, name: string) => void) | undefined;
}

export interface RoomLimits {
  readonly maxRoomsPerConnection: number;
  /** In UTF-16 code units. */
  readonly maxRoomNameLength: number;
}

type Crowds<Context> = Map<string, Crowd<Context>>;

/** The members of a hub, of its rooms and of its users. A room without members does not exist, and neither does a user without connections. */
export class Memberships<Context> {
  readonly everybody: Crowd<Context> = new Crowd(() => new MembersById());
  readonly rooms: Crowds<Context> = new Map();
  readonly users: Crowds<Context> = new Map();
  /** How often a limit kept a connection from joining a room. */
  refusedJoins = 0;
  readonly #places = createSlot<Names | Places>();
  readonly #limits: RoomLimits;
  readonly #hooks: RoomHooks<Context>;
  readonly #queue = new HookQueue();
  readonly #observers = new Set<HubObserver>();

  constructor(limits: RoomLimits, hooks: RoomHooks<Context>) {
    this.#limits = limits;
    this.#hooks = hooks;
  }

  /** The rooms of a member; of a closed connection, the rooms that it was in at its end. */
  roomsOf(connection: Connection<Context>): string[] {
    return listOf(this.#roomNames(connection));
  }

  /** The users of a member; for a closed connection, the users that it belonged to at its end. */
  usersOf(connection: Connection<Context>): string[] {
    const places = this.#places.get(connection);
    return places instanceof Places ? listOf(places.users) : [];
  }

  /** Calls `observer` from now on, and with what has members already. @param observer No other call may have the same. @returns what ends it. */
  observe(observer: HubObserver): () => void {
    if (this.everybody.size > 0) this.#tellFirst(observer, "hub", "");
    for (const room of this.rooms.keys()) this.#tellFirst(observer, "room", room);
    for (const user of this.users.keys()) this.#tellFirst(observer, "user", user);
    this.#observers.add(observer);
    this.#queue.run();
    return () => void this.#observers.delete(observer);
  }

  enter(connection: Connection<Context>, format: string | undefined): void {
    this.#enter(connection, format);
    this.#queue.run();
  }

  #enter(connection: Connection<Context>, format: string | undefined): void {
    const isNew = !this.everybody.has(connection);
    if (isNew) connection.onClose(this.#closed);
    if (isNew && this.everybody.size === 0) this.#observeFirst(connection, "hub", "");
    if (isNew || format !== undefined) this.everybody.put(connection, format ?? DEFAULT_FORMAT);
  }

  /** Takes a connection out of the hub, its rooms and its users. @returns whether it was in the hub. */
  leave(connection: Connection<Context>): boolean {
    if (!this.everybody.has(connection)) return false;
    forget(connection, this.#closed);
    this.#leaveAll(connection);
    this.#places.delete(connection);
    this.#queue.run();
    return true;
  }

  /** @returns whether it is in the room now: `false` when a limit is reached: then nothing has changed. */
  join(connection: Connection<Context>, room: string, format: string | undefined): boolean {
    const { maxRoomsPerConnection, maxRoomNameLength } = this.#limits;
    const names = this.#roomNames(connection);
    if (!this.#isIn(this.rooms, room, connection)) {
      if (room.length > maxRoomNameLength || countOf(names) >= maxRoomsPerConnection) {
        this.refusedJoins++;
        return false;
      }
      if (!this.everybody.has(connection)) this.#enter(connection, format);
      this.#setRoomNames(connection, withName(names, room));
      this.#tellJoin(room, connection);
    }
    this.#put(this.rooms, room, connection, format);
    this.#queue.run();
    return true;
  }

  /** @returns whether it was in the room. */
  part(connection: Connection<Context>, room: string): boolean {
    if (!this.#isIn(this.rooms, room, connection)) return false;
    this.#setRoomNames(connection, withoutName(this.#roomNames(connection), room));
    this.#leaveRoom(connection, room);
    this.#queue.run();
    return true;
  }

  /** From now on this is a connection of that user. */
  assign(connection: Connection<Context>, user: string, format: string | undefined): void {
    if (!this.everybody.has(connection)) this.#enter(connection, format);
    if (!this.users.has(user)) this.#observeFirst(connection, "user", user);
    const before = this.#places.get(connection);
    const places = before instanceof Places ? before : new Places(before);
    places.users = withName(places.users, user);
    this.#places.set(connection, places);
    this.#put(this.users, user, connection, format);
    this.#queue.run();
  }

  /** @returns whether it was a connection of that user. */
  unassign(connection: Connection<Context>, user: string): boolean {
    if (!this.#isIn(this.users, user, connection)) return false;
    const places = this.#places.get(connection);
    if (places instanceof Places) places.users = withoutName(places.users, user);
    this.#leaveUser(connection, user);
    this.#queue.run();
    return true;
  }

  readonly #closed = (_info: CloseInfo, connection: Connection<Context>): void => {
    // The names of its rooms stay where they are: `close` of its handler, which may come late, still asks for them.
    this.#leaveAll(connection);
    this.#queue.run();
  };

  #leaveAll(connection: Connection<Context>): void {
    this.everybody.delete(connection);
    const places = this.#places.get(connection);
    for (const room of listOf(this.#roomNames(connection))) this.#leaveRoom(connection, room);
    if (places instanceof Places) for (const user of listOf(places.users)) this.#leaveUser(connection, user);
    if (this.everybody.size === 0) this.#observeEmpty(connection, "hub", "");
  }

  #leaveUser(connection: Connection<Context>, user: string): void {
    remove(this.users, user, connection);
    if (!this.users.has(user)) this.#observeEmpty(connection, "user", user);
  }

  #leaveRoom(connection: Connection<Context>, room: string): void {
    const { onLeave, onEmpty } = this.#hooks;
    remove(this.rooms, room, connection);
    if (onLeave !== undefined) this.#queue.add(connection, () => onLeave(room, connection));
    if (this.rooms.has(room)) return;
    if (onEmpty !== undefined) this.#queue.add(connection, () => onEmpty(room));
    this.#observeEmpty(connection, "room", room);
  }

  #tellJoin(room: string, connection: Connection<Context>): void {
    const { onFirst, onJoin } = this.#hooks;
    if (!this.rooms.has(room)) {
      if (onFirst !== undefined) this.#queue.add(connection, () => onFirst(room));
      this.#observeFirst(connection, "room", room);
    }
    if (onJoin !== undefined) this.#queue.add(connection, () => onJoin(room, connection));
  }

  #observeFirst(connection: Connection<Context>, part: HubPart, name: string): void {
    for (const observer of this.#observers) this.#tellFirst(observer, part, name, connection);
  }

  #tellFirst(observer: HubObserver, part: HubPart, name: string, connection?: Connection<Context>): void {
    this.#queue.add(connection, () => (this.#observers.has(observer) ? observer.onFirst?.(part, name) : undefined));
  }

  #observeEmpty(connection: Connection<Context>, part: HubPart, name: string): void {
    for (const observer of this.#observers) {
      this.#queue.add(connection, () => (this.#observers.has(observer) ? observer.onEmpty?.(part, name) : undefined));
    }
  }

  #put(crowds: Crowds<Context>, name: string, connection: Connection<Context>, format: string | undefined): void {
    let crowd = crowds.get(name);
    if (crowd === undefined) crowds.set(name, (crowd = new Crowd()));
    if (format === undefined && crowd.has(connection)) return;
    crowd.put(connection, format ?? this.everybody.formatOf(connection) ?? DEFAULT_FORMAT);
  }

  #isIn(crowds: Crowds<Context>, name: string, connection: Connection<Context>): boolean {
    return crowds.get(name)?.has(connection) === true;
  }

  #roomNames(connection: Connection<Context>): Names {
    const places = this.#places.get(connection);
    return places instanceof Places ? places.rooms : places;
  }

  #setRoomNames(connection: Connection<Context>, names: Names): void {
    const places = this.#places.get(connection);
    if (places instanceof Places) places.rooms = names;
    else if (names === undefined) this.#places.delete(connection);
    else this.#places.set(connection, names);
  }
}

function remove<Context>(crowds: Crowds<Context>, name: string, connection: Connection<Context>): void {
  const crowd = crowds.get(name);
  crowd?.delete(connection);
  if (crowd?.size === 0) crowds.delete(name);
}
