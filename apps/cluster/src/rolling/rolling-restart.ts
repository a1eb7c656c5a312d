// A deploy: one server after the other is drained and started again, while clients publish in all rooms.
import { setTimeout as delay } from "node:timers/promises";
import { Cluster } from "../launcher/cluster.ts";
import type { BrokerKind, ProxyKind } from "../launcher/settings.ts";
import { Visitor } from "./visitor.ts";

/** How many clients share a room; the first of them publishes. */
const ROOM_SIZE = 50;
const EVERY_MS = 200;
/** Messages of one publisher that no server has confirmed: a few seconds of them, so that a slow machine catches up at the end. */
const MAX_WAITING = 20;
const POLL_MS = 50;
/** Nothing that is waited for takes longer. */
const PATIENCE_MS = 30_000;
/** So many connect at the same time, since the clients of a real deployment do not all come in one moment. */
const CONNECT_AT_ONCE = 50;

export interface RollingOptions {
  readonly broker: BrokerKind;
  readonly proxy: ProxyKind;
  readonly clients: number;
  /** Gets what ends all that was started, for a program that is told to stop. */
  readonly onStart?: (stop: () => Promise<void>) => void;
}

export interface RollingResult {
  readonly published: number;
  /** To all clients together. */
  readonly delivered: number;
  readonly lost: number;
  readonly doubled: number;
  /** Losses that clients were told. */
  readonly gaps: number;
  /** Clients that do not have the last message of their room. */
  readonly behind: number;
  /** Close frames that clients got, and how long each was away. Milliseconds, rising. */
  readonly backMs: readonly number[];
  /** Returns to another server than before. */
  readonly moves: number;
  /** Connections that ended without the word of the server that it drains. */
  readonly cuts: number;
  /** Handshakes that came to nothing. */
  readonly failedTries: number;
  readonly errors: readonly string[];
}

/** @throws Error when clients do not come back within 30 s, or a part of the cluster fails. */
export async function rollingRestart({ broker, proxy, clients, onStart = () => {} }: RollingOptions): Promise<RollingResult> {
  const errors: string[] = [];
  // The histories of a mesh are with a server here, which hands them over when it drains.
  const cluster = new Cluster({ broker, proxy, port: 0, home: "server", onFailure: (how) => errors.push(how) });
  onStart(() => cluster.stop());
  await cluster.start();
  const visitors: Visitor[] = [];
  try {
    const url = cluster.url;
    const onError = (error: unknown): void => void errors.push(String(error));
    for (let index = 0; index < clients; index++) {
      visitors.push(new Visitor({ url, name: `client-${index}`, room: `room-${Math.floor(index / ROOM_SIZE)}`, onError }));
      if (visitors.length % CONNECT_AT_ONCE === 0) await untilAll(visitors, ({ isSubscribed }) => isSubscribed, "subscribed");
    }
    await untilAll(visitors, ({ isSubscribed }) => isSubscribed, "subscribed");

    const publishers = visitors.filter((_visitor, index) => index % ROOM_SIZE === 0);
    const publishing = setInterval(() => {
      for (const { publisher } of publishers) if (publisher.waiting < MAX_WAITING) publisher.say();
    }, EVERY_MS);
    try {
      for (const { number } of cluster.servers) {
        await cluster.control("drain", number);
        await cluster.control("start", number);
        await untilAll(visitors, ({ isSubscribed }) => isSubscribed, `back after the restart of server ${number}`);
      }
    } finally {
      clearInterval(publishing);
    }
    await untilAll(publishers, ({ publisher }) => publisher.waiting === 0, "told that their messages are published");
    return await judge(visitors, publishers, errors);
  } finally {
    for (const visitor of visitors) visitor.close();
    await cluster.stop();
  }
}

async function judge(visitors: readonly Visitor[], publishers: readonly Visitor[], errors: readonly string[]): Promise<RollingResult> {
  const lastOf = new Map(publishers.map(({ room, publisher }) => [room, publisher.last]));
  const isUpToDate = ({ room, tally }: Visitor): boolean => tally.senders.some(({ last }) => last === lastOf.get(room));
  // The last messages are on their way.
  await untilAll(visitors, isUpToDate, "up to date").catch(() => {});
  const totals = visitors.map(({ tally }) => tally.total);
  const sum = (numbers: readonly number[]): number => numbers.reduce((total, number) => total + number, 0);
  return {
    published: sum([...lastOf.values()]),
    delivered: sum(totals.map(({ received }) => received)),
    lost: sum(totals.map(({ lost }) => lost)),
    doubled: sum(totals.map(({ doubled }) => doubled)),
    gaps: sum(visitors.map(({ gaps }) => gaps)),
    behind: visitors.filter((visitor) => !isUpToDate(visitor)).length,
    backMs: visitors.flatMap(({ backMs }) => backMs).toSorted((a, b) => a - b),
    moves: sum(visitors.map(({ moves }) => moves)),
    cuts: sum(visitors.map(({ cuts }) => cuts)),
    failedTries: sum(visitors.map(({ failedTries }) => failedTries)),
    errors,
  };
}

async function untilAll(visitors: readonly Visitor[], is: (visitor: Visitor) => boolean, what: string): Promise<void> {
  for (const startedAt = performance.now(); !visitors.every(is); await delay(POLL_MS)) {
    if (performance.now() - startedAt < PATIENCE_MS) continue;
    throw new Error(`${visitors.filter((visitor) => !is(visitor)).length} of ${visitors.length} clients are not ${what} after ${PATIENCE_MS / 1000} s`);
  }
}
