import type { Cohort } from "./cohort.ts";
import { Connection } from "./connection.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import type { SendOptions } from "./sendable.ts";
import { Broadcast, Histories } from "./shared-history.ts";

/** Everybody, or who is in a room. */
export type Members<Context> = ReadonlySet<Connection<Context>> | ReadonlyMap<string, Connection<Context>>;

type Excluded<Context> = ReadonlySet<Connection<Context>> | undefined;

/** Below, a loop costs nothing. */
const FEWEST_MEMBERS = 8;

/**
 * Sends messages to many. Members who wait for the same form cohorts, which stay: a message is queued once for each cohort, and
 * for each member that is in none.
 */
export class FanOut<Context> {
  readonly #cohorts = new WeakMap<Members<Context>, Cohort[]>();
  readonly #histories = new Histories();

  /** Whoever is no member any more must part from the cohort of the members. */
  part(connection: Connection<Context>): void {
    Connection.outboxOf(connection)?.part();
  }

  /** Sends to all members but `except`. @returns how many queues took it. */
  send(members: Members<Context>, message: PreparedMessage, options: SendOptions, except: Excluded<Context>): number {
    const broadcast = new Broadcast(message, members, this.#histories);
    const cohorts = this.#cohorts.get(members);
    if (cohorts === undefined) {
      // They form with the second message: most rooms are small or quiet.
      if (members.size >= FEWEST_MEMBERS) this.#cohorts.set(members, []);
      return sendToEach(members, broadcast, options, except, undefined);
    }
    for (const connection of except ?? []) this.part(connection);
    const taken = sendToCohorts(cohorts, broadcast);
    return taken === members.size ? taken : taken + sendToEach(members, broadcast, options, except, cohorts);
  }
}

function sendToCohorts(cohorts: Cohort[], broadcast: Broadcast): number {
  let taken = 0;
  for (let at = cohorts.length - 1; at >= 0; at--) {
    const cohort = cohorts[at] as Cohort;
    // Its members find out for themselves who has no room. And once all windows end alike, cohorts can form that are larger.
    if (!cohort.hasRoomFor(broadcast) || broadcast.isKeyframeFor(cohort)) cohort.dissolve();
    if (cohort.size === 0) cohorts.splice(at, 1);
    else cohort.push(broadcast);
    taken += cohort.size;
  }
  return taken;
}

/** Those who are in none of the cohorts. */
function outside<Context>(members: Members<Context>, cohorts: Cohort[]): Connection<Context>[] {
  const alone: Connection<Context>[] = [];
  for (const connection of members.values()) if (Connection.outboxOf(connection)?.isIn(cohorts) !== true) alone.push(connection);
  return alone;
}

/** To those who are in none of `cohorts`; then they may be. */
function sendToEach<Context>(
  members: Members<Context>,
  broadcast: Broadcast,
  options: SendOptions,
  except: Excluded<Context>,
  cohorts: Cohort[] | undefined,
): number {
  let taken = 0;
  // All are found before the first is sent to: a hook that hears of a slow client may send too, and cohorts change under us.
  for (const connection of cohorts === undefined ? members.values() : outside(members, cohorts)) {
    if (except?.has(connection) === true) continue;
    const outbox = Connection.outboxOf(connection);
    if (outbox?.offerToMany(broadcast) !== true && !connection.send(broadcast.message, options)) continue;
    taken++;
    if (cohorts !== undefined) outbox?.joinOneOf(cohorts, members.size);
  }
  return taken;
}
