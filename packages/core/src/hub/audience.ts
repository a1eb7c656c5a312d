import type { Clock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-code.ts";
import { closeAll, type CloseAllOptions } from "../shutdown/close-in-waves.ts";
import type { Connection } from "../connection/connection.ts";
import { broadcastTo, isConnection, type BroadcastOptions } from "./broadcast.ts";
import { Crowd, DEFAULT_FORMAT } from "./crowd.ts";
import { kindOf } from "../base/kind-of.ts";
import { guardedClock } from "../base/guarded-clock.ts";
import { HookQueue } from "./hook-queue.ts";
import { readOptions, kinds, type OptionKinds } from "../base/option-check.ts";
import type { Broadcastable } from "../send/sendable.ts";

export interface AddOptions {
  /**
   * What this member wants messages in, a name of yours: `broadcast` asks once for each that has members.
   * @default "default"; in a room and for a user, the one that the connection has in the hub
   */
  readonly format?: string | undefined;
}

const NO_OPTIONS: AddOptions = {};
const addKinds: OptionKinds<AddOptions> = { format: { right: 'a string such as "json"', fits: (value) => kinds.text.fits(value) } };

/**
 * Whose audience it is: what an `Audience` asks. It MUST have changed everything before it calls a hook, and MUST NOT keep anything for
 * an audience that is empty.
 */
export interface Membership<Context> {
  readonly clock: Clock;
  /** Its members now; `undefined` when it has none. */
  readonly crowd: Crowd<Context> | undefined;
  /** @param format `undefined` when none was named. @returns whether it is a member now. */
  add(connection: Connection<Context>, format: string | undefined): boolean;
  /** @returns whether it was a member. */
  delete(connection: Connection<Context>): boolean;
}

/**
 * A set of connections that get the same: a hub, a room, the connections of a user, or one of your own by `createAudience`.
 * A message to it is framed and deflated once, however many get it. Each client's queue is bounded by its own `maxQueueBytes`;
 * one that cannot keep up is handled by its `slowConsumer` policy, and no other waits for it. A connection that closes leaves by
 * itself, before the `close` hook of its handler is called.
 */
export class Audience<Context = unknown> implements Iterable<Connection<Context>> {
  readonly #membership: Membership<Context>;

  /** Made by `createHub`, `createAudience`, `hub.room` and `hub.user`. */
  constructor(membership: Membership<Context>) {
    this.#membership = membership;
  }

  /**
   * Adds a connection, or changes the format of one that is in it.
   * @returns whether it is a member now: `false` when it is closed, or a limit of the hub is reached.
   * @throws TypeError for what is no connection, a format that is no string, or an option that does not exist.
   */
  add(connection: Connection<Context>, options?: AddOptions): boolean {
    checkConnection(connection);
    const { format } = options === undefined ? NO_OPTIONS : readOptions<AddOptions>("add", options, addKinds);
    return connection.state !== "closed" && this.#membership.add(connection, format);
  }

  /** Takes a connection out; it stays open. @returns whether it was a member. */
  delete(connection: Connection<Context>): boolean {
    return isConnection(connection) && this.#membership.delete(connection);
  }

  has(connection: Connection<Context>): boolean {
    return isConnection(connection) && (this.#membership.crowd?.has(connection) ?? false);
  }

  /** How many members it has. */
  get size(): number {
    return this.#membership.crowd?.size ?? 0;
  }

  /** The members as they are when the loop begins, without any that leaves before its turn: a loop may add and delete. */
  *[Symbol.iterator](): Generator<Connection<Context>, void, undefined> {
    for (const connection of this.#membership.crowd?.members() ?? []) if (this.has(connection)) yield connection;
  }

  /**
   * Sends to all members. No code of yours runs between the first member and the last, so that all get messages in one order:
   * `filter` and a function as `data` are called before, `missed` and hooks of slow clients behind.
   * @param data The message; or a function that gives it for a format, or `undefined` for no message in that format. It is called
   * once for each format that has members.
   * @returns how many queues took it.
   * @throws TypeError for what cannot be sent, or an option that does not exist; and what `filter` or the function throws. Then no member gets it.
   */
  broadcast(data: Broadcastable | ((format: string) => Broadcastable | undefined), options?: BroadcastOptions<Context>): number {
    return broadcastTo(this.#membership.crowd, data, options);
  }

  /** Closes all members and settles when they are gone, at the latest after `graceMs`. @throws RangeError or TypeError for options that cannot be meant. */
  close(options?: CloseAllOptions): Promise<void> {
    return closeAll(this as Iterable<Connection<Context>> as Iterable<Connection>, this.#membership.clock, options);
  }
}

/** Hooks are called one after the other, never in the middle of a broadcast. One that throws or rejects is reported on the channel `upwire:error`. */
export interface AudienceOptions<Context = unknown> {
  /** It has a member now, after it had none. */
  readonly onFirst?: (() => void) | undefined;
  /** Its last member has left. */
  readonly onEmpty?: (() => void) | undefined;
  /** A connection has become a member. */
  readonly onAdd?: ((connection: Connection<Context>) => void) | undefined;
  /** A connection is no member any more: it was taken out, or it is closed. */
  readonly onDelete?: ((connection: Connection<Context>) => void) | undefined;
  /** Replaces time in tests. */
  readonly clock?: Clock | undefined;
}

const { callback, clock: aClock } = kinds;
const audienceKinds: OptionKinds<AudienceOptions> = { onFirst: callback, onEmpty: callback, onAdd: callback, onDelete: callback, clock: aClock };

/** An audience that belongs to no hub. */
class OwnMembership<Context> implements Membership<Context> {
  readonly clock: Clock;
  readonly crowd: Crowd<Context> = new Crowd();
  readonly #hooks: AudienceOptions<Context>;
  readonly #queue = new HookQueue();

  constructor(options: AudienceOptions<Context>) {
    this.clock = guardedClock(options.clock);
    this.#hooks = options;
  }

  add(connection: Connection<Context>, format: string | undefined): boolean {
    const { onFirst, onAdd } = this.#hooks;
    const isNew = !this.crowd.has(connection);
    if (!isNew && format === undefined) return true;
    if (isNew) connection.onClose(this.#closed);
    if (isNew && onFirst !== undefined && this.crowd.size === 0) this.#queue.add(connection, onFirst);
    this.crowd.put(connection, format ?? DEFAULT_FORMAT);
    if (isNew && onAdd !== undefined) this.#queue.add(connection, () => onAdd(connection));
    this.#queue.run();
    return true;
  }

  delete(connection: Connection<Context>): boolean {
    const { onDelete, onEmpty } = this.#hooks;
    if (!this.crowd.delete(connection)) return false;
    forget(connection, this.#closed);
    if (onDelete !== undefined) this.#queue.add(connection, () => onDelete(connection));
    if (onEmpty !== undefined && this.crowd.size === 0) this.#queue.add(connection, onEmpty);
    this.#queue.run();
    return true;
  }

  readonly #closed = (_info: CloseInfo, connection: Connection<Context>): void => void this.delete(connection);
}

/** Makes an audience of your own, such as the followers of a topic. @throws TypeError for options that cannot be meant. */
export function createAudience<Context = unknown>(options?: AudienceOptions<Context>): Audience<Context> {
  return new Audience(new OwnMembership(readOptions<AudienceOptions<Context>>("createAudience", options, audienceKinds)));
}

/** Not every stand-in of a test can forget a listener. */
export function forget<Context>(connection: Connection<Context>, listener: (info: CloseInfo, connection: Connection<Context>) => void): void {
  if ("offClose" in connection) connection.offClose(listener);
}

function checkConnection(connection: unknown): void {
  if (isConnection(connection)) return;
  throw new TypeError(`add: ${kindOf(connection)} is no connection; give the one that a hook of a handler got`);
}
