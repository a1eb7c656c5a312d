import type { Connection } from "../connection/connection.ts";
import type { Crowd } from "./crowd.ts";
import { Delivery } from "./delivery.ts";
import { kindOfObject } from "../base/kind-of.ts";
import type { FormatGroup } from "./format-group.ts";
import { atOnce } from "../base/guard.ts";
import { kinds, readOptions, type OptionKinds } from "../base/option-check.ts";
import type { PreparedMessage } from "../wire/prepared-message.ts";
import { prepare, sendKinds, type Broadcastable, type SendOptions } from "../send/sendable.ts";

export interface BroadcastOptions<Context = unknown> extends SendOptions<Connection<Context>> {
  /** Not to these: a connection, a list of them, or another audience. */
  readonly except?: Connection<Context> | Iterable<Connection<Context>> | undefined;
  /**
   * Only to members for which it returns true. It is asked of all members before the first is sent to. A throw ends the
   * broadcast, and so does a promise, which is no answer.
   */
  readonly filter?: ((connection: Connection<Context>) => boolean) | undefined;
}

/** Whether it may be a member of an audience: also a stand-in of a test, or a connection of another copy of core. */
export function isConnection(value: unknown): boolean {
  return typeof (value as Partial<Connection> | null | undefined)?.onClose === "function";
}

const broadcastKinds: OptionKinds<BroadcastOptions> = {
  ...sendKinds,
  except: { right: "connections, or a list of them", fits: (value) => value !== null },
  filter: kinds.callback,
};

type ByFormat = (format: string) => Broadcastable | undefined;

/** What a broadcast is told, looked at and read once: from here on none of its getters runs. */
interface Told<Context> extends Choice<Context> {
  /** `undefined` when it says nothing of how the message is sent. */
  readonly options: SendOptions<Connection<Context>> | undefined;
}

function read<Context>(given: BroadcastOptions<Context> | undefined): Told<Context> {
  if (given === undefined) return { options: undefined, except: undefined, filter: undefined };
  const { except, filter, key, missed, mustArrive } = readOptions<BroadcastOptions<Context>>("broadcast", given, broadcastKinds);
  const options = key === undefined && missed === undefined && mustArrive === undefined ? undefined : { key, missed, mustArrive };
  return { options, except: except === undefined ? undefined : exclusions(except), filter };
}

/** A message for the members of one format. */
interface Part<Context> {
  readonly group: FormatGroup<Context>;
  readonly message: PreparedMessage;
  /** Those that `filter` chose; `undefined` without one. */
  readonly chosen: readonly Connection<Context>[] | undefined;
}

/** @returns how many queues took it. */
export function broadcastTo<Context>(crowd: Crowd<Context> | undefined, data: Broadcastable | ByFormat, given?: BroadcastOptions<Context>): number {
  const { options, except, filter } = read(given);
  const delivery = new Delivery(options);
  if (typeof data !== "function" && filter === undefined) {
    const message = prepare(data);
    crowd?.send(message, except, delivery);
    return delivery.finish();
  }
  // What the application says comes first: from here on none of its code runs until the last member has its message.
  for (const { group, message, chosen } of partsOf(crowd?.groups() ?? [], data, { except, filter })) {
    if (chosen === undefined) group.send(message, except, delivery);
    else group.sendTo(chosen, message, delivery);
  }
  return delivery.finish();
}

interface Choice<Context> {
  readonly except: ReadonlySet<Connection<Context>> | undefined;
  readonly filter: BroadcastOptions<Context>["filter"];
}

function partsOf<Context>(groups: readonly FormatGroup<Context>[], data: Broadcastable | ByFormat, { except, filter }: Choice<Context>): Part<Context>[] {
  const forAll = typeof data === "function" ? undefined : prepare(data);
  return groups.flatMap((group) => {
    const message = forAll ?? formatted(data as ByFormat, group.format);
    return message === undefined ? [] : { group, message, chosen: filter && chosenOf(group, filter, except) };
  });
}

function formatted(data: ByFormat, format: string): PreparedMessage | undefined {
  const given = atOnce("broadcast: the function for formats", data(format));
  return given === undefined ? undefined : prepare(given);
}

function chosenOf<Context>(
  group: FormatGroup<Context>,
  filter: (connection: Connection<Context>) => boolean,
  except: ReadonlySet<Connection<Context>> | undefined,
): Connection<Context>[] {
  const asked = [...group.members()].filter((connection) => except?.has(connection) !== true);
  return asked.filter((connection) => atOnce("filter", filter(connection)));
}

/** @throws TypeError for what is no connection and holds none: it would exclude no member. */
function exclusions<Context>(except: NonNullable<BroadcastOptions<Context>["except"]>): ReadonlySet<Connection<Context>> {
  if (typeof except !== "object") throw noConnection(except);
  // A connection is iterable itself: over its messages, and asynchronously.
  if (!(Symbol.iterator in except)) return new Set([connectionIn(except)]);
  const all = new Set<Connection<Context>>();
  const iterator = atOnce("except", except[Symbol.iterator]());
  for (;;) {
    // A promise would be taken for a result that is never the last.
    const { done, value } = atOnce("except", iterator.next());
    if (done === true) return all;
    all.add(connectionIn(value));
  }
}

function connectionIn<Context>(value: Connection<Context>): Connection<Context> {
  if (!isConnection(value)) throw noConnection(value);
  return value;
}

function noConnection(value: unknown): TypeError {
  return new TypeError(`except: ${kindOfObject(value)} is no connection; give connections, or a list of them`);
}
