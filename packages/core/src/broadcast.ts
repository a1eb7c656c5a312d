import type { Connection } from "./connection.ts";
import type { Crowd } from "./crowd.ts";
import { Delivery } from "./delivery.ts";
import { kindOf } from "./given-headers.ts";
import type { FormatGroup } from "./format-group.ts";
import { atOnce } from "./guard.ts";
import { checkOptions, kinds, type OptionKinds } from "./option-check.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import { prepare, type Broadcastable, type SendOptions } from "./sendable.ts";

export interface BroadcastOptions<Context = unknown> extends SendOptions {
  /** Not to these. */
  readonly except?: Connection<Context> | Iterable<Connection<Context>> | undefined;
  /**
   * Only to members for which it returns true. It is asked of all members before the first is sent to. A throw ends the
   * broadcast, and so does a promise, which is no answer.
   */
  readonly filter?: ((connection: Connection<Context>) => boolean) | undefined;
  /** Called once for each member that the message does not reach, behind the last one. What it throws goes to the channel `upwire:error`. */
  readonly missed?: ((connection: Connection<Context>) => void) | undefined;
}

const { anything, callback } = kinds;
const broadcastKinds: OptionKinds<BroadcastOptions> = { key: anything, except: anything, filter: callback, missed: callback };

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
  data: Broadcastable | ((format: string) => Broadcastable | undefined),
  options: BroadcastOptions<Context> = {},
): number {
  checkOptions("broadcast", options, broadcastKinds as OptionKinds<BroadcastOptions<Context>>);
  const except = exclusions(options.except);
  const { filter } = options;
  // What the application says comes first: from here on none of its code runs until the last member has its message.
  const parts: Part<Context>[] = [];
  const message = typeof data === "function" ? undefined : prepare(data);
  for (const group of crowd?.groups() ?? []) {
    const ofGroup = message ?? formatted(data as (format: string) => Broadcastable | undefined, group.format);
    if (ofGroup !== undefined) parts.push({ group, message: ofGroup, chosen: filter && chosenOf(group, filter, except) });
  }
  const delivery = new Delivery<Context>(options);
  for (const { group, message: ofGroup, chosen } of parts) {
    if (chosen === undefined) group.send(ofGroup, except, delivery);
    else group.sendTo(chosen, ofGroup, delivery);
  }
  return delivery.finish();
}

function formatted(data: (format: string) => Broadcastable | undefined, format: string): PreparedMessage | undefined {
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
