import type { Cohort } from "./cohort.ts";
import { Connection } from "./connection.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import type { SendOptions } from "./sendable.ts";

/** Those that a message may go to, and a number that changes whenever they do. */
export interface Audience<Context> {
  readonly members: ReadonlySet<Connection<Context>> | ReadonlyMap<string, Connection<Context>>;
  readonly version: number;
}

/** What the members of an audience share from the first message to all of them until the next flush. */
interface Cohorts {
  readonly version: number;
  readonly all: Cohort[];
}

/** Whoever waits for something that fewer wait for gets each message by itself. */
const MAX_COHORTS = 4;

/**
 * Sends one message to all members but `except`. The first one since the last flush goes to each member. A further one goes
 * to the cohorts that have formed, and to each member that is in none.
 * @returns how many queues took it.
 */
export function fanOut<Context>(
  { members, version }: Audience<Context>,
  message: PreparedMessage,
  options: SendOptions,
  except: ReadonlySet<Connection<Context>> | undefined,
): number {
  const [first] = members.values();
  const shared = first && Connection.outboxOf(first)?.turn.shared;
  const known = shared?.get(members) as Cohorts | undefined;
  if (known?.version === version) {
    for (const connection of except ?? []) Connection.outboxOf(connection)?.part();
    if (known.all.every((cohort) => cohort.hasRoomFor(message))) return toCohorts(known.all, members, message, options, except);
  }
  const all: Cohort[] = [];
  shared?.set(members, { version, all } satisfies Cohorts);
  let taken = 0;
  for (const connection of members.values()) {
    if (except?.has(connection) === true || !connection.send(message, options)) continue;
    taken++;
    if (shared !== undefined) Connection.outboxOf(connection)?.joinOneOf(all, MAX_COHORTS);
  }
  return taken;
}

function toCohorts<Context>(
  cohorts: readonly Cohort[],
  members: Audience<Context>["members"],
  message: PreparedMessage,
  options: SendOptions,
  except: ReadonlySet<Connection<Context>> | undefined,
): number {
  let taken = 0;
  for (const cohort of cohorts) {
    cohort.push(message);
    taken += cohort.size;
  }
  if (taken === members.size) return taken;
  for (const connection of members.values()) {
    if (Connection.outboxOf(connection)?.isIn(cohorts) === true || except?.has(connection) === true) continue;
    if (connection.send(message, options)) taken++;
  }
  return taken;
}
