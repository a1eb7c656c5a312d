import type { ClusterHubSource, HubSource } from "../sources.ts";
import type { Row } from "./row.ts";

export const hubRows: readonly Row<HubSource>[] = [
  { name: "connections", type: "sum", unit: "{connection}", help: "Members of the hub now.", read: ({ stats }) => stats.connections },
  { name: "rooms", type: "sum", unit: "{room}", help: "Rooms that have members on this node.", read: ({ stats }) => stats.rooms },
  { name: "users", type: "sum", unit: "{user}", help: "Users that have connections on this node.", read: ({ stats }) => stats.users },
  { name: "queued", type: "sum", unit: "By", help: "What waits to leave to all members now.", read: ({ stats }) => stats.queuedBytes },
  { name: "refused_joins", type: "counter", unit: "{join}", help: "How often add of a room found a limit reached.", read: ({ stats }) => stats.refusedJoins },
];

export const clusterHubRows: readonly Row<ClusterHubSource>[] = [
  { name: "pending_casts", type: "sum", unit: "{cast}", help: "Broadcasts that wait for the answers of other nodes now.", read: ({ stats }) => stats.pending },
  {
    name: "pending_questions",
    type: "sum",
    unit: "{question}",
    help: "Questions to other nodes that wait for answers now.",
    read: ({ stats }) => stats.asking,
  },
  {
    name: "addresses",
    type: "sum",
    unit: "{address}",
    help: "Rooms and users that this node has subscribed for its members.",
    read: ({ stats }) => stats.addresses,
  },
  {
    name: "incomplete_casts",
    type: "counter",
    unit: "{cast}",
    help: "Broadcasts for which not all nodes answered in time.",
    read: ({ stats }) => stats.incomplete,
  },
  {
    name: "refused_casts",
    type: "counter",
    unit: "{cast}",
    help: "Broadcasts, questions and answers that a limit or the broker refused.",
    read: ({ stats }) => stats.refused,
  },
  { name: "malformed_casts", type: "counter", unit: "{cast}", help: "What came from other nodes and could not be read.", read: ({ stats }) => stats.malformed },
];
