import type { Connection } from "../connection/connection.ts";
import type { Crowd } from "./crowd.ts";
import { Delivery } from "./delivery.ts";
import { kindOf } from "../base/kind-of.ts";
import type { FormatGroup } from "./format-group.ts";
import { atOnce } from "../base/guard.ts";
import { checkOptions, kinds, type OptionKinds } from "../base/option-check.ts";
import type { PreparedMessage } from "../wire/prepared-message.ts";
import { prepare, type Broadcastable, type SendOptions } from "../send/sendable.ts";

export interface BroadcastOptions<Context = unknown> extends SendOptions<Connection<Context>> {
  /** Not to these: a connection, a list of them, or another audience. */
  readonly except?: Connection<Context> | Iterable<Connection<Context>> | undefined;
  /**
   * Only to members for which it returns true. It is asked of all members before the first is sent to. A throw ends the
   * broadcast, and so does a promise, which is no answer.
   */
  readonly filter?: ((connection: Connection<Context>) => boolean) | undefined;
}

const { anything, callback, flag } = kinds;
const broadcastKinds: OptionKinds<BroadcastOptions> = { key: anything, except: anything, filter: callback, missed: callback, mustArrive: flag };

type ByFormat = (format: string) => Broadcastable | undefined;

/** The full check takes longer than a broadcast to two members, so it has the word only where something is wrong. */
function check(options: object): void {
  for (const name in options) if (!isRight(name, options[name as never])) checkOptions("broadcast", options, broadcastKinds);
}

function isRight(name: string, value: unknown): boolean {
  return Object.hasOwn(broadcastKinds, name) && (value === undefined || broadcastKinds[name as keyof BroadcastOptions].fits(value));
}

/** A message for the members of one format. */
interface Part<Context> {
  readonly group: FormatGroup<Context>;
  readonly message: PreparedMessage;
  /** Those that `filter` chose; `undefined` without one. */
  readonly chosen: readonly Connection<Context>[] | undefined;
}

/** @returns how many queues took it. */
export function broadcastTo<Context>(
  crowd: Crowd<Context> | undefined,
  data: Broadcastable | ByFormat,
  options?: BroadcastOptions<Context>,
): number {
  if (options !== undefined) check(options);
  const except = options?.except === undefined ? undefined : exclusions(options.except);
  const delivery = new Delivery(options);
  if (typeof data !== "function" && options?.filter === undefined) {
    const message = prepare(data);
    crowd?.send(message, except, delivery);
    return delivery.finish();
  }
  // What the application says comes first: from here on none of its code runs until the last member has its message.
  for (const { group, message, chosen } of partsOf(crowd?.groups() ?? [], data, { except, filter: options?.filter })) {
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

function chosenOf<Context>(group: FormatGroup<Context>, filter: (connection: Connection<Context>) => boolean, except: ReadonlySet<Connection<Context>> | undefined): Connection<Context>[] {
  const asked = [...group.members()].filter((connection) => except?.has(connection) !== true);
  return asked.filter((connection) => atOnce("filter", filter(connection)));
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
