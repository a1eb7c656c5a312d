import { dropCodes, refusalCodes, type ChannelCounts } from "../channel-counts.ts";
import { eventLoopTimes, type EventLoop } from "../event-loop.ts";
import { byLabel, Labelled, type Row } from "./row.ts";

/** What is known without any source. */
export interface ProcessReading {
  readonly counts: ChannelCounts;
  readonly loop: EventLoop | undefined;
  readonly isReady: boolean;
  /** How often each source could not be read. */
  readonly failures: readonly { readonly source: string; readonly name: string; readonly count: number }[];
}

export const processRows: readonly Row<ProcessReading>[] = [
  { name: "ready", type: "gauge", unit: "1", help: "1 while the readiness check answers 200, else 0.", read: ({ isReady }) => Number(isReady) },
  {
    name: "refused_handshakes",
    type: "counter",
    unit: "{handshake}",
    labels: ["code"],
    help: "Upgrade requests that were refused, by a route or before any was reached, by code.",
    read: ({ counts }) => byLabel("code", refusalCodes, counts.refused),
  },
  {
    name: "dropped_connections",
    type: "counter",
    unit: "{connection}",
    labels: ["code"],
    help: "Connections that ended before their first request was complete, by code.",
    read: ({ counts }) => byLabel("code", dropCodes, counts.dropped),
  },
  { name: "errors", type: "counter", unit: "{error}", help: "Errors of the application's own code.", read: ({ counts }) => counts.errors },
  {
    name: "failed_reads",
    type: "counter",
    unit: "{read}",
    labels: ["source", "name"],
    help: "How often a source threw when it was read, or gave what is no count: its samples are missing then.",
    read: ({ failures }) => new Labelled(failures.map(({ source, name, count }) => ({ labels: { source, name }, value: count }))),
  },
  {
    name: "event_loop.time",
    type: "counter",
    unit: "s",
    labels: ["state"],
    help: "Time that the event loop has worked (active) and waited (idle). Node alone measures it.",
    read() {
      const times = eventLoopTimes();
      return times === undefined ? new Labelled([]) : byLabel("state", ["active", "idle"], times);
    },
  },
];

/** Apart from the others, since measuring them is an option. */
export const delayRows: readonly Row<ProcessReading>[] = [
  {
    name: "event_loop.delay_p50",
    type: "gauge",
    unit: "s",
    help: "How late half of the timers ran at least, since the last look that was 10 s ago or longer.",
    read: ({ loop }) => loop?.delays.p50,
  },
  {
    name: "event_loop.delay_p99",
    type: "gauge",
    unit: "s",
    help: "How late 1 % of the timers ran at least, since the last look that was 10 s ago or longer.",
    read: ({ loop }) => loop?.delays.p99,
  },
  {
    name: "event_loop.delay_max",
    type: "gauge",
    unit: "s",
    help: "How late a timer ran at most, since the last look that was 10 s ago or longer.",
    read: ({ loop }) => loop?.delays.max,
  },
];
