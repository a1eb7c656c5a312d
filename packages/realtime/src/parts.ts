import { memoryBroker, shareBroker, type Broker } from "@upwire/cluster/broker";
import { createHub, createSlot, type Clock, type Hub } from "@upwire/core";
import { guardedClock, type Slot } from "@upwire/core/adapter";
import type { Contract } from "@upwire/protocol";
import { AppCalls } from "./app-calls.ts";
import { Events, requestEntries } from "./handlers.ts";
import { readLimits, type RealtimeLimits } from "./limits.ts";
import { Lines } from "./lines.ts";
import { Outreach } from "./outreach.ts";
import type { AnyOptions } from "./read-options.ts";
import { Receiver } from "./receive.ts";
import { Remembered } from "./remembered.ts";
import { reporter } from "./report.ts";
import { Requests } from "./requests.ts";
import { decodeSaved, type Saved } from "./saved.ts";
import type { Session } from "./session.ts";
import { Tally } from "./stats.ts";
import { Desk } from "./task.ts";
import type { TopicHandleSetup } from "./topic-handle.ts";
import { TopicTable } from "./topic-table.ts";
import { TopicTraffic } from "./topic-traffic.ts";
import { newTopicStats, type TopicStats } from "./topics/stats.ts";
import type { Subscription } from "./topics/subscription.ts";
import { Topics } from "./topics/topics.ts";
import { Users } from "./users.ts";

/** What a realtime is made of. */
export interface Parts<User> {
  readonly sessions: Slot<Session<User>>;
  readonly hub: Hub<User>;
  readonly users: Users<User>;
  readonly outreach: Outreach<User>;
  /** The name of this node, where there may be others. */
  readonly node: string | undefined;
  readonly tally: Tally;
  readonly limits: RealtimeLimits;
  readonly events: Events;
  readonly requests: Requests<User>;
  readonly desk: Desk<User>;
  readonly receiver: Receiver<User>;
  readonly table: TopicTable;
  readonly engine: Topics;
  readonly topicStats: TopicStats;
  /** Whether the broker keeps anything in this process. */
  readonly canSave: boolean;
  readonly remembered: Remembered;
  readonly topicHandles: TopicHandleSetup;
}

/** @throws TypeError for a contract or options that cannot be meant. */
export function partsOf<User>(contract: Contract | undefined, options: AnyOptions<User>): Parts<User> {
  const limits = readLimits(options.limits);
  const events = new Events(contract, options.events);
  const entries = requestEntries(contract, options.requests);
  const table = new TopicTable(contract, options.topics);
  const saved = options.restore === undefined ? undefined : decodeSaved(options.restore);
  const clock = guardedClock(options.clock);
  const report = reporter(options.options?.onError);
  const tally = new Tally();
  const remembered = rememberedOf(clock, limits, saved);
  const topicStats = newTopicStats();
  const broker = brokerOf(options.broker, { saved, clock, maxBytes: limits.historyBytes });
  const { node, topics, casts } = partsOfBroker(broker);
  const canSave = broker.save !== undefined;
  const { replayMessages, replayBytes, requestTimeoutMs: stateTimeoutMs } = limits;
  const sessions = createSlot<Session<User>>();
  const topicLimits = { replayMessages, replayBytes, stateTimeoutMs };
  const engine = new Topics({ broker: topics, clock, report, limits: topicLimits, stats: topicStats, first: firstSubscriptions(sessions) });
  const calls = new AppCalls(clock, limits.requestTimeoutMs);
  const desk = new Desk<User>({ clock, tally, maxInFlight: limits.requests, onAnswer: options.onAnswer });
  const users = new Users<User>(options.userId);
  const hub = createHub<User>({ clock });
  const outreach = new Outreach<User>({ hub, users, clock, requestTimeoutMs: limits.requestTimeoutMs, broker: casts, report });
  users.watch = outreach;
  const requests = new Requests<User>({ users, entries, calls, clock, limits, remembered, elsewhere: outreach.repliesElsewhere });
  outreach.replies = requests;
  const traffic = new TopicTraffic<User>({ users, table, engine, calls, limits });
  const receiver = new Receiver<User>({ events, requests, traffic, desk, calls, clock, limits, tally, onMessage: options.onMessage });
  const topicHandles = { sessions, lines: new Lines(calls), engine, limits };
  const kept = { sessions, hub, users, outreach, node, tally, limits, remembered };
  return { ...kept, events, requests, desk, receiver, table, engine, topicStats, canSave, topicHandles };
}

/** In the session: a slot of its own for each connection would take a map for both. */
function firstSubscriptions<User>(sessions: Slot<Session<User>>): Slot<Subscription> {
  const keep = (connection: Parameters<Slot<unknown>["get"]>[0], first: Subscription | undefined): void => {
    const session = sessions.get(connection);
    if (session !== undefined) session.firstSubscription = first;
  };
  return { get: (connection) => sessions.get(connection)?.firstSubscription, set: keep, delete: (connection) => keep(connection, undefined) };
}

function rememberedOf(clock: Clock, limits: RealtimeLimits, saved: Saved | undefined): Remembered {
  const { retryWindowMs, rememberedReplies, rememberedBytes } = limits;
  const remembered = new Remembered({ clock, windowMs: retryWindowMs, maxReplies: rememberedReplies, maxBytes: rememberedBytes });
  // The one that is forgotten first is added first.
  for (const reply of (saved?.replies ?? []).toSorted((one, other) => one.leftMs - other.leftMs)) {
    remembered.add(reply, Math.min(reply.leftMs, retryWindowMs));
  }
  return remembered;
}

interface BrokerParts {
  readonly node: string | undefined;
  readonly topics: Broker;
  readonly casts: Broker | undefined;
}

/** Topics and events have a part of the broker each. One that reaches no other node carries topics alone, under their own names. */
function partsOfBroker(broker: Broker): BrokerParts {
  if (broker.capabilities.reach === "process") return { node: undefined, topics: broker, casts: undefined };
  const shared = shareBroker(broker);
  return { node: broker.node, topics: shared.part("topics"), casts: shared.part("events") };
}

/** What the broker is made of where the application gives none. */
interface OwnBroker {
  readonly saved: Saved | undefined;
  readonly clock: Clock;
  readonly maxBytes: number;
}

/** @throws TypeError for saved topics beside a broker of the application, which has to be made with them itself. */
function brokerOf(broker: Broker | undefined, { saved, clock, maxBytes }: OwnBroker): Broker {
  if (broker === undefined) return memoryBroker({ clock, maxBytes, ...(saved?.broker && { restore: saved.broker }) });
  if (saved?.broker !== undefined) {
    throw new TypeError("restore: it holds the topics of a broker in memory, and there is the option broker; leave that out");
  }
  return broker;
}
