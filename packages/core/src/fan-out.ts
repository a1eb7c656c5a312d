import type { Cohort } from "./cohort.ts";
import { Connection } from "./connection.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import type { SendOptions } from "./sendable.ts";

/** Those that a message may go to, and a number that changes whenever they do. */
export interface Audience<Context> {
  readonly members: ReadonlySet<Connection<Context>> | ReadonlyMap<string, Connection<Context>>;
  readonly version: number;
}

/** What the members of an audience share from the second message to all of them until the next flush. */
interface Shared {
  readonly version: number;
  cohorts: Cohort[] | undefined;
}

/** Whoever waits for something that fewer wait for gets each message by itself. */
const MAX_COHORTS = 4;

/**
 * Sends one message to all members but `except`. The first two since the last flush go to each member. Further ones go to the
 * cohorts that have formed, and to each member that is in none.
 * @returns how many queues took it.
 */
export function fanOut<Context>(
  audience: Audience<Context>,
  message: PreparedMessage,
  options: SendOptions,
  except: ReadonlySet<Connection<Context>> | undefined,
): number {
  const { members, version } = audience;
  const [first] = members.values();
  const turn = first && Connection.outboxOf(first)?.turn;
  const known = turn?.shared.get(members) as Shared | undefined;
  if (known?.version !== version) {
    // With one message a turn, forming cohorts would be for nothing.
    turn?.shared.set(members, { version, cohorts: undefined } satisfies Shared);
    return toEach(members, message, options, except, undefined);
  }
  for (const connection of except ?? []) Connection.outboxOf(connection)?.part();
  if (known.cohorts?.every((cohort) => cohort.hasRoomFor(message)) === true) return toCohorts(known.cohorts, members, message, options, except);
  known.cohorts = [];
  return toEach(members, message, options, except, known.cohorts);
}

function toEach<Context>(
  members: Audience<Context>["members"],
  message: PreparedMessage,
  options: SendOptions,
  except: ReadonlySet<Connection<Context>> | undefined,
  cohorts: Cohort[] | undefined,
): number {
  let taken = 0;
  for (const connection of members.values()) {
    if (except?.has(connection) === true || !connection.send(message, options)) continue;
    taken++;
    if (cohorts !== undefined) Connection.outboxOf(connection)?.joinOneOf(cohorts, MAX_COHORTS);
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
