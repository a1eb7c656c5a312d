import type { Cohort } from "../send/cohort.ts";
import { queueOf, type Connection } from "../connection/connection.ts";
import type { Delivery } from "./delivery.ts";
import type { Members } from "./members.ts";
import type { Missed } from "../send/missed.ts";
import type { Deflate, PreparedMessage } from "../wire/prepared-message.ts";
import { Broadcast, Histories, type HistoryKeeper, type SharedHistory } from "../send/shared-history.ts";

type Excluded<Context> = ReadonlySet<Connection<Context>> | undefined;

/** Members to whom a message goes one by one. */
interface Singles<Context> {
  readonly connections: Iterable<Connection<Context>>;
  readonly except: Excluded<Context>;
  /** Where each of them may wait from then on. */
  readonly cohorts: Cohort[] | undefined;
}

/** With fewer members than this a plain loop is as fast: cohorts do not pay. */
const FEWEST_MEMBERS = 8;

/**
 * The members of an audience that get the same bytes. Members that wait for the same frames form cohorts, which stay: a message
 * is queued once for each cohort, and for each member that is in none. A settled broadcast to 1,000 takes some 80 calls instead
 * of 13,000.
 */
export class FormatGroup<Context> implements HistoryKeeper {
  /** What its members want messages in. */
  readonly format: string;
  readonly #members: Members<Connection<Context>>;
  /** Made with the second message: most audiences are small or quiet. */
  #cohorts: Cohort[] | undefined;
  #histories: Histories | undefined;

  constructor(format: string, members: Members<Connection<Context>>) {
    this.format = format;
    this.#members = members;
  }

  get size(): number {
    return this.#members.size;
  }

  has(connection: Connection<Context>): boolean {
    return this.#members.has(connection);
  }

  /** Only where members can be found by their ids. */
  get(id: string): Connection<Context> | undefined {
    return this.#members.get?.(id);
  }

  members(): Iterable<Connection<Context>> {
    return this.#members.values();
  }

  /** Takes one that is not in it. */
  add(connection: Connection<Context>): void {
    this.#members.add(connection);
  }

  /** @returns whether it was in it. */
  delete(connection: Connection<Context>): boolean {
    if (!this.#members.delete(connection)) return false;
    // A message to the cohort would still reach it.
    queueOf(connection)?.part();
    return true;
  }

  historyOf(deflate: Deflate): SharedHistory {
    this.#histories ??= new Histories();
    return this.#histories.historyOf(deflate);
  }

  /** To all members but `except`. */
  send(message: PreparedMessage, except: Excluded<Context>, delivery: Delivery<Context>): void {
    const broadcast = new Broadcast(message, this);
    const cohorts = this.#cohorts;
    if (cohorts === undefined) {
      if (this.size >= FEWEST_MEMBERS) this.#cohorts = [];
      return this.#sendToEach({ connections: this.#members.values(), except, cohorts }, broadcast, delivery);
    }
    for (const connection of except ?? []) {
      const queue = queueOf(connection);
      if (queue?.isIn(cohorts) === true) queue.part();
    }
    const reached = sendToCohorts(cohorts, broadcast, delivery.options?.missed);
    delivery.taken += reached;
    if (reached < this.size) this.#sendToEach({ connections: this.#outside(cohorts), except, cohorts }, broadcast, delivery);
  }

  /** To some of the members, as a filter chose them. */
  sendTo(chosen: readonly Connection<Context>[], message: PreparedMessage, delivery: Delivery<Context>): void {
    for (const connection of chosen) if (this.has(connection)) delivery.offerAlone(connection, message);
  }

  /** Members that are in none of the cohorts. */
  #outside(cohorts: readonly Cohort[]): Connection<Context>[] {
    const alone: Connection<Context>[] = [];
    for (const connection of this.#members.values()) if (queueOf(connection)?.isIn(cohorts) !== true) alone.push(connection);
    return alone;
  }

  /** Sends to members outside all cohorts, one by one, and lets each join a cohort. */
  #sendToEach({ connections, except, cohorts }: Singles<Context>, broadcast: Broadcast, delivery: Delivery<Context>): void {
    for (const connection of connections) {
      if (except?.has(connection) === true) continue;
      const queue = delivery.offer(connection, broadcast);
      if (cohorts !== undefined) queue?.joinOneOf(cohorts, this.size);
    }
  }
}

/** @returns how many members they have who get it so. */
function sendToCohorts(cohorts: Cohort[], broadcast: Broadcast, missed: Missed | undefined): number {
  let reached = 0;
  for (let at = cohorts.length - 1; at >= 0; at--) {
    const cohort = cohorts[at] as Cohort;
    // Each member alone finds out whether it has room. And after a keyframe all windows end alike, so larger cohorts can form.
    if (!cohort.hasRoomFor(broadcast, missed) || broadcast.isKeyframeFor(cohort)) cohort.dissolve();
    if (cohort.size === 0) cohorts.splice(at, 1);
    else cohort.push(broadcast, missed);
    reached += cohort.size;
  }
  return reached;
}
