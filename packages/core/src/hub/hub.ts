import { Audience, type Membership } from "./audience.ts";
import type { Clock } from "../base/clock.ts";
import type { Connection } from "../connection/connection.ts";
import type { Crowd } from "./crowd.ts";
import { kindOf } from "../base/kind-of.ts";
import { guardedClock } from "../base/guarded-clock.ts";
import { defaults } from "../base/defaults.ts";
import { checkCount } from "../base/limits.ts";
import { isConnection } from "./broadcast.ts";
import { Memberships } from "./memberships.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";

/** Hooks are called one after the other, never in the middle of a broadcast. One that throws or rejects is reported on the channel `upwire:error`. */
export interface HubOptions<Context = unknown> {
  /** Most rooms of one connection: what one client can make grow. @default 128 */
  readonly maxRoomsPerConnection?: number;
  /** Longest name of a room, in UTF-16 code units. @default 255 */
  readonly maxRoomNameLength?: number;
  /** A connection has joined a room. */
  readonly onJoin?: ((room: string, connection: Connection<Context>) => void) | undefined;
  /** A connection is in this room no more: it was taken out, or it is closed. `hub.roomsOf` still tells the rooms of a closed one. */
  readonly onLeave?: ((room: string, connection: Connection<Context>) => void) | undefined;
  /** A room has a member now, after it had none. `onJoin` follows. */
  readonly onFirst?: ((room: string) => void) | undefined;
  /** The last member of a room has left. `onLeave` came before. */
  readonly onEmpty?: ((room: string) => void) | undefined;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

const { anything, callback, clock: aClock } = kinds;
const hubKinds: OptionKinds<HubOptions> = {
  maxRoomsPerConnection: anything,
  maxRoomNameLength: anything,
  onJoin: callback,
  onLeave: callback,
  onFirst: callback,
  onEmpty: callback,
  clock: aClock,
};

/** What a hub knows of its members. What they sent and got is in the `stats` of their Upgrader, and of the server's `Attachment`. */
export interface HubStats {
  readonly connections: number;
  /** Rooms that have members. */
  readonly rooms: number;
  /** Users that have connections. */
  readonly users: number;
  /** What waits to leave to all of them now. Bytes; found by looking at each. */
  readonly queuedBytes: number;
  /** How often `add` of a room found a limit reached, since the hub was made. */
  readonly refusedJoins: number;
}

/** What a hub is made of. */
interface Parts<Context> {
  readonly memberships: Memberships<Context>;
  readonly clock: Clock;
}

/**
 * The audience of all its connections, with smaller audiences inside: `hub.room("tea")` and `hub.user("u7")`. These may be kept, and asked for anew each
 * time: two of one name are the same audience, also when it empties and is filled again, and one without members takes no memory.
 */
export class Hub<Context = unknown> extends Audience<Context> {
  readonly #memberships: Memberships<Context>;
  readonly #clock: Clock;

  constructor({ memberships, clock }: Parts<Context>) {
    super(new AllOfHub(memberships, clock));
    this.#memberships = memberships;
    this.#clock = clock;
  }

  /** For layers, by `observeHub`. `undefined` for what only looks like a hub, and for one of another copy of core. */
  static membershipsOf(hub: object): Memberships<unknown> | undefined {
    return typeof hub === "object" && hub !== null && #memberships in hub ? (hub.#memberships as Memberships<unknown>) : undefined;
  }

  /**
   * The members of a room. Its `add` puts a connection into the hub too, and answers `false` over `maxRoomsPerConnection` or
   * `maxRoomNameLength`, and then changes nothing: the name may come from the client. @throws TypeError for a name that is no string.
   */
  room(name: string): Audience<Context> {
    checkName("room", name);
    return new Audience(new RoomOfHub(this.#memberships, this.#clock, name));
  }

  /** The connections of one user, who may have many. Its `add` puts a connection into the hub too. @throws TypeError for an id that is no string. */
  user(id: string): Audience<Context> {
    checkName("user", id);
    return new Audience(new UserOfHub(this.#memberships, this.#clock, id));
  }

  /** The connection with this `connection.id`. */
  get(connectionId: string): Connection<Context> | undefined {
    return this.#memberships.everybody.get(connectionId);
  }

  /** The rooms that have members. */
  rooms(): string[] {
    return [...this.#memberships.rooms.keys()];
  }

  /** The rooms of a connection; of a closed one, the rooms that it was in at its end. */
  roomsOf(connection: Connection<Context>): string[] {
    return isConnection(connection) ? this.#memberships.roomsOf(connection) : [];
  }

  /** The users that the connection belongs to; for a closed one, the users that it belonged to at its end. */
  usersOf(connection: Connection<Context>): string[] {
    return isConnection(connection) ? this.#memberships.usersOf(connection) : [];
  }

  /** As they are now. */
  get stats(): HubStats {
    const { everybody, rooms, users, refusedJoins } = this.#memberships;
    let queuedBytes = 0;
    for (const { bufferedBytes } of everybody.members()) queuedBytes += bufferedBytes;
    return { connections: everybody.size, rooms: rooms.size, users: users.size, queuedBytes, refusedJoins };
  }
}

/** Where a hub keeps one of its audiences. Everything about members is in `Memberships`. */
abstract class PartOfHub<Context> implements Membership<Context> {
  readonly clock: Clock;
  protected readonly memberships: Memberships<Context>;
  /** Of the room or user; empty for the whole hub. */
  protected readonly name: string;

  constructor(memberships: Memberships<Context>, clock: Clock, name = "") {
    this.memberships = memberships;
    this.clock = clock;
    this.name = name;
  }

  abstract get crowd(): Crowd<Context> | undefined;
  abstract add(connection: Connection<Context>, format: string | undefined): boolean;
  abstract delete(connection: Connection<Context>): boolean;
}

class AllOfHub<Context> extends PartOfHub<Context> {
  get crowd(): Crowd<Context> {
    return this.memberships.everybody;
  }

  add(connection: Connection<Context>, format: string | undefined): boolean {
    this.memberships.enter(connection, format);
    return true;
  }

  delete(connection: Connection<Context>): boolean {
    return this.memberships.leave(connection);
  }
}

class RoomOfHub<Context> extends PartOfHub<Context> {
  get crowd(): Crowd<Context> | undefined {
    return this.memberships.rooms.get(this.name);
  }

  add(connection: Connection<Context>, format: string | undefined): boolean {
    return this.memberships.join(connection, this.name, format);
  }

  delete(connection: Connection<Context>): boolean {
    return this.memberships.part(connection, this.name);
  }
}

class UserOfHub<Context> extends PartOfHub<Context> {
  get crowd(): Crowd<Context> | undefined {
    return this.memberships.users.get(this.name);
  }

  add(connection: Connection<Context>, format: string | undefined): boolean {
    this.memberships.assign(connection, this.name, format);
    return true;
  }

  delete(connection: Connection<Context>): boolean {
    return this.memberships.unassign(connection, this.name);
  }
}

/** @throws RangeError or TypeError for options that cannot be meant. */
export function createHub<Context = unknown>(given?: HubOptions<Context>): Hub<Context> {
  const options = readOptions<HubOptions<Context>>("createHub", given, hubKinds);
  const { maxRoomsPerConnection = defaults.hub.maxRoomsPerConnection, maxRoomNameLength = defaults.hub.maxRoomNameLength } = options;
  const limits = {
    maxRoomsPerConnection: checkCount("maxRoomsPerConnection", maxRoomsPerConnection),
    maxRoomNameLength: checkCount("maxRoomNameLength", maxRoomNameLength),
  };
  return new Hub({ memberships: new Memberships(limits, options), clock: guardedClock(options.clock) });
}

function checkName(method: string, name: unknown): void {
  if (typeof name !== "string") throw new TypeError(`hub.${method}: ${kindOf(name)} is no name; give a string`);
}
