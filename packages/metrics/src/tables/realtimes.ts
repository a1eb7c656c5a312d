import { errorCodes } from "@upwire/protocol";
import type { RealtimeSource } from "../sources.ts";
import { byLabel, type Row } from "./row.ts";

const messageTypes = ["event", "request", "publish", "subscribe", "unsubscribe", "cancel", "ping"];
/** `application` has all codes that are the application's own. */
const errors = [...Object.keys(errorCodes), "application"];

export const realtimeRows: readonly Row<RealtimeSource>[] = [
  { name: "connections", type: "sum", unit: "{connection}", help: "Connections now.", read: ({ stats }) => stats.connections },
  {
    name: "plain_connections",
    type: "sum",
    unit: "{connection}",
    help: "Those of them that do not speak upwire.v1.",
    read: ({ stats }) => stats.plainConnections,
  },
  { name: "users", type: "sum", unit: "{user}", help: "Users that have connections on this node.", read: ({ stats }) => stats.users },
  { name: "in_flight", type: "sum", unit: "{message}", help: "Messages of clients that are not answered yet.", read: ({ stats }) => stats.inFlight },
  { name: "remembered_replies", type: "sum", unit: "{reply}", help: "Replies that are remembered for a repeated key.", read: ({ stats }) => stats.remembered },
  {
    name: "received_messages",
    type: "counter",
    unit: "{message}",
    labels: ["type"],
    help: "Messages of clients, by type.",
    read: ({ stats }) => byLabel("type", messageTypes, stats.received),
  },
  {
    name: "errors",
    type: "counter",
    unit: "{error}",
    labels: ["code"],
    help: "What clients were told in place of a result, by code.",
    read: ({ stats }) => byLabel("code", errors, stats.errors),
  },
  { name: "resumed", type: "counter", unit: "{subscription}", help: "Subscriptions that went on and lost nothing.", read: ({ stats }) => stats.topics.resumed },
  {
    name: "not_resumed",
    type: "counter",
    unit: "{subscription}",
    help: "Subscriptions that could not go on without a loss, of which the client was told.",
    read: ({ stats }) => stats.topics.notResumed,
  },
  { name: "lagged", type: "counter", unit: "{subscription}", help: "How often a live subscription fell behind.", read: ({ stats }) => stats.topics.lagged },
  { name: "gaps", type: "counter", unit: "{gap}", help: "Gaps that clients were told.", read: ({ stats }) => stats.topics.gaps },
  {
    name: "losses",
    type: "counter",
    unit: "{loss}",
    help: "How often a topic lost publications on their way to this node, or began anew.",
    read: ({ stats }) => stats.topics.losses,
  },
];
