import type { Clock } from "./clock.ts";
import type { CloseInfo } from "./close-code.ts";
import { closeAll, type CloseAllOptions } from "./closing.ts";
import type { Connection } from "./connection.ts";
import { FanOut } from "./fan-out.ts";
import { kindOf } from "./given-headers.ts";
import { atOnce } from "./guard.ts";
import { guardedClock } from "./guarded-clock.ts";
import { checkCount } from "./limits.ts";
import { checkOptions, kinds, type OptionKinds } from "./option-check.ts";
import { RoomIndex } from "./room-index.ts";
import { prepare, type Broadcastable, type SendOptions } from "./sendable.ts";

export interface HubOptions {
  /** Most rooms of one connection: what one client can make grow. @default 128 */
  readonly maxRoomsPerConnection?: number;
  /** Longest name of a room, in UTF-16 code units. @default 255 */
  readonly maxRoomNameLength?: number;
  /** Replaces time in tests. */
  readonly clock?: Clock;
}

export interface RegisterOptions {
  /** Whose connection this is; one user may have many. */
  readonly userId?: string;
}

export interface BroadcastOptions<Context = unknown> extends SendOptions<Connection<Context>> {
  /** Only to the members of this room. */
  readonly room?: string | undefined;
  /** Not to these. */
  readonly except?: Connection<Context> | Iterable<Connection<Context>> | undefined;
  /** Only to connections for which it returns true. Runs once for each; a throw ends the broadcast, and so does a promise, which is no answer. */
  readonly filter?: ((connection: Connection<Context>) => boolean) | undefined;
}

const hubKinds: OptionKinds<HubOptions> = { maxRoomsPerConnection: kinds.anything, maxRoomNameLength: kinds.anything, clock: kinds.clock };

/**
 * Who is connected, and sending to many: the counterpart of the hub in gorilla/websocket's chat example. A message is
 * framed and deflated once, however many get it. Each client's queue is bounded by its own `maxQueueBytes`; one that
 * cannot keep up is handled by its `slowConsumer` policy, and nobody waits for it.
 */
export class Hub<Context = unknown> {
  readonly #clock: Clock;
  readonly #connections = new Map<string, Connection<Context>>();
  readonly #rooms = new RoomIndex<Connection<Context>>();
  readonly #users = new RoomIndex<Connection<Context>>();

  readonly #maxRooms: number;
  readonly #maxRoomName: number;
  #refusedJoins = 0;
  readonly #fanOut = new FanOut<Context>();

  /** @throws RangeError or TypeError for options that cannot be meant. */
  constructor(options: HubOptions) {
    checkOptions("createHub", options, hubKinds);
    const { maxRoomsPerConnection = 128, maxRoomNameLength = 255, clock } = options;
    this.#clock = guardedClock(clock);
    this.#maxRooms = checkCount("maxRoomsPerConnection", maxRoomsPerConnection);
    this.#maxRoomName = checkCount("maxRoomNameLength", maxRoomNameLength);
  }

  /** Adds a connection; it leaves by itself when it closes. Registering again only adds the user id. */
  register(connection: Connection<Context>, options: RegisterOptions = {}): void {
    if (connection.state === "closed") return;
    if (options.userId !== undefined) this.#users.join(connection, options.userId);
    if (this.#connections.has(connection.id)) return;
    this.#connections.set(connection.id, connection);
    connection.onClose(this.#closed);
  }

  readonly #closed = (_info: CloseInfo, connection: Connection<Context>): void => this.unregister(connection);

  /** Forgets a connection, its rooms and its user; it stays open. */
  unregister(connection: Connection<Context>): void {
    this.#fanOut.part(connection);
    // Not every stand-in of a test can forget a listener.
    if (this.#connections.delete(connection.id) && "offClose" in connection) connection.offClose(this.#closed);
    this.#rooms.leaveAll(connection);
    this.#users.leaveAll(connection);
  }

  /**
   * Puts a connection into a room, and registers it if it was not. The name may come from the client.
   * @returns whether it is in the room now: `false` over `maxRoomsPerConnection` or `maxRoomNameLength`, or when it is closed.
   */
  join(connection: Connection<Context>, room: string): boolean {
    this.register(connection);
    if (!this.#connections.has(connection.id)) return false;
    if (this.#rooms.has(connection, room)) return true;
    if (room.length > this.#maxRoomName || this.#rooms.countOf(connection) >= this.#maxRooms) {
      this.#refusedJoins++;
      return false;
    }
    this.#rooms.join(connection, room);
    return true;
  }

  /** How often `join` found a limit reached. */
  get refusedJoins(): number {
    return this.#refusedJoins;
  }

  leave(connection: Connection<Context>, room: string): void {
    this.#fanOut.part(connection);
    this.#rooms.leave(connection, room);
  }

  /** @returns how many queues took the message. @throws TypeError for what cannot be sent. */
  broadcast(data: Broadcastable, options: BroadcastOptions<Context> = {}): number {
    const message = prepare(data);
    const { filter, room } = options;
    const except = exclusions(options.except);
    const members = room === undefined ? this.#connections : this.#rooms.membersOf(room);
    if (filter === undefined) return this.#fanOut.send(members, message, options, except);
    let taken = 0;
    for (const connection of members.values()) {
      if (except?.has(connection) === true || !atOnce("filter", filter(connection))) continue;
      if (connection.send(message, options)) taken++;
    }
    return taken;
  }

  /** Sends to one connection. @returns whether its queue took the message. */
  sendTo(connectionId: string, data: Broadcastable, options?: SendOptions<Connection<Context>>): boolean {
    return this.#connections.get(connectionId)?.send(data, options) ?? false;
  }

  /** Sends to every connection of one user. @returns how many queues took the message. */
  sendToUser(userId: string, data: Broadcastable, options?: SendOptions<Connection<Context>>): number {
    const message = prepare(data);
    let taken = 0;
    for (const connection of this.#users.membersOf(userId)) if (connection.send(message, options)) taken++;
    return taken;
  }

  get(connectionId: string): Connection<Context> | undefined {
    return this.#connections.get(connectionId);
  }

  /** Everybody, or the members of one room. */
  list(room?: string): Connection<Context>[] {
    return [...this.#audience(room)];
  }

  /** How many are here, or in one room. */
  count(room?: string): number {
    return room === undefined ? this.#connections.size : this.#rooms.membersOf(room).size;
  }

  /** The rooms that have members. */
  rooms(): string[] {
    return this.#rooms.names;
  }

  roomsOf(connection: Connection<Context>): string[] {
    return this.#rooms.roomsOf(connection);
  }

  /** Closes everybody and settles when all are gone, at the latest after `graceMs`. */
  close(options?: CloseAllOptions): Promise<void> {
    return closeAll(this.#connections.values() as Iterable<Connection>, this.#clock, options);
  }

  #audience(room: string | undefined): Iterable<Connection<Context>> {
    return room === undefined ? this.#connections.values() : this.#rooms.membersOf(room);
  }
}

export function createHub<Context = unknown>(options?: HubOptions): Hub<Context> {
  return new Hub(options ?? {});
}

function exclusions<Context>(except: BroadcastOptions<Context>["except"]): ReadonlySet<Connection<Context>> | undefined {
  if (except === undefined || except === null) return undefined;
  if (typeof except !== "object") throw new TypeError(`except: ${kindOf(except)} is no connection; give connections, or a list of them`);
  // A connection is iterable itself: over its messages, and asynchronously.
  if (!(Symbol.iterator in except)) return new Set([except]);
  if (except instanceof Set || Array.isArray(except)) return new Set(except as Iterable<Connection<Context>>);
  const all = new Set<Connection<Context>>();
  const iterator = atOnce("except", except[Symbol.iterator]());
  for (;;) {
    // A promise would be taken for a result that is never the last.
    const { done, value } = atOnce("except", iterator.next());
    if (done === true) return all;
    all.add(value);
  }
}
