import type { Cohort } from "./cohort.ts";
import { Connection } from "./connection.ts";
import type { Missed } from "./missed.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import type { SendQueue } from "./send-queue.ts";
import type { SendOptions } from "./sendable.ts";
import type { Offered } from "./slow-consumer.ts";
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
    Connection.queueOf(connection)?.part();
  }

  /** Sends to all members but `except`. @returns how many queues took it. */
  send(members: Members<Context>, message: PreparedMessage, options: SendOptions<Connection<Context>>, except: Excluded<Context>): number {
    const broadcast = new Broadcast(message, members, this.#histories);
    const cohorts = this.#cohorts.get(members);
    if (cohorts === undefined) {
      // They form with the second message: most rooms are small or quiet.
      if (members.size >= FEWEST_MEMBERS) this.#cohorts.set(members, []);
      return sendToEach(members, broadcast, options, except, undefined);
    }
    for (const connection of except ?? []) this.part(connection);
    const taken = sendToCohorts(cohorts, broadcast, options.missed);
    return taken === members.size ? taken : taken + sendToEach(members, broadcast, options, except, cohorts);
  }
}

function sendToCohorts(cohorts: Cohort[], broadcast: Broadcast, missed: Missed | undefined): number {
  let taken = 0;
  for (let at = cohorts.length - 1; at >= 0; at--) {
    const cohort = cohorts[at] as Cohort;
    // Its members find out for themselves who has no room. And once all windows end alike, cohorts can form that are larger.
    if (!cohort.hasRoomFor(broadcast, missed) || broadcast.isKeyframeFor(cohort)) cohort.dissolve();
    if (cohort.size === 0) cohorts.splice(at, 1);
    else cohort.push(broadcast, missed);
    taken += cohort.size;
  }
  return taken;
}

/** Those who are in none of the cohorts. */
function outside<Context>(members: Members<Context>, cohorts: Cohort[]): Connection<Context>[] {
  const alone: Connection<Context>[] = [];
  for (const connection of members.values()) if (Connection.queueOf(connection)?.isIn(cohorts) !== true) alone.push(connection);
  return alone;
}

/** Sends to the members outside every cohort, then lets each join one. What follows for those that did not take it comes behind the loop. */
function sendToEach<Context>(
  members: Members<Context>,
  broadcast: Broadcast,
  options: SendOptions<Connection<Context>>,
  except: Excluded<Context>,
  cohorts: Cohort[] | undefined,
): number {
  let taken = 0;
  const missing: [SendQueue, Offered][] = [];
  const foreign: Connection<Context>[] = [];
  for (const connection of cohorts === undefined ? members.values() : outside(members, cohorts)) {
    if (except?.has(connection) === true) continue;
    const queue = Connection.queueOf(connection);
    const offered = queue?.offerToMany(broadcast, options);
    if (queue === undefined || offered === undefined) foreign.push(connection);
    else if (offered !== "taken") missing.push([queue, offered]);
    else {
      taken++;
      if (cohorts !== undefined) queue.joinOneOf(cohorts, members.size);
    }
  }
  for (const connection of foreign) if (connection.send(broadcast.message, options)) taken++;
  for (const [queue, offered] of missing) queue.notTaken(offered, options.missed);
  return taken;
}
