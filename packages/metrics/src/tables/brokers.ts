import { atOnce } from "../at-once.ts";
import type { BrokerSource } from "../sources.ts";
import type { Reading } from "./reading.ts";
import { Labelled, type Row } from "./row.ts";

const states = ["up", "degraded", "down"];

export const brokerRows: readonly Row<Reading<BrokerSource>>[] = [
  {
    name: "state",
    type: "gauge",
    unit: "1",
    labels: ["state"],
    help: "1 for the state that the broker is in, 0 for the others.",
    read({ source }) {
      const now = atOnce("state", source.state());
      return new Labelled(states.map((state) => ({ labels: { state }, value: Number(state === now) })));
    },
  },
  {
    name: "nodes",
    type: "gauge",
    unit: "{node}",
    help: "Nodes of the cluster that this one knows to be alive, itself included.",
    read: ({ source }) => atOnce("nodes", source.nodes()).length,
  },
  {
    name: "info",
    type: "gauge",
    unit: "1",
    labels: ["node", "history", "reach"],
    help: "Always 1: the name of this node, as others are told it, and what the broker can do.",
    read({ source: { node, capabilities } }) {
      const { history, reach } = capabilities;
      return new Labelled([{ labels: { node, history, reach }, value: 1 }]);
    },
  },
  {
    name: "published_messages",
    type: "counter",
    unit: "{message}",
    help: "Publications of this node that the broker has taken over.",
    read: ({ stats }) => stats.published,
  },
  {
    name: "rejected_messages",
    type: "counter",
    unit: "{message}",
    help: "Publishes of this node that the broker has rejected.",
    read: ({ stats }) => stats.rejected,
  },
  {
    name: "received_messages",
    type: "counter",
    unit: "{message}",
    help: "Publications that the broker gave to this node.",
    read: ({ stats }) => stats.received,
  },
  {
    name: "lost",
    type: "counter",
    unit: "{gap}",
    help: "How often this node was told that publications of a topic without history may be missing.",
    read: ({ stats }) => stats.lost,
  },
  { name: "sent_tells", type: "counter", unit: "{tell}", help: "What this node has told other nodes.", read: ({ stats }) => stats.tells },
  { name: "received_tells", type: "counter", unit: "{tell}", help: "What other nodes have told this node.", read: ({ stats }) => stats.told },
  {
    name: "foreign_frames",
    type: "counter",
    unit: "{frame}",
    help: "What came from outside and was dropped: malformed, not ours, or of an unknown version.",
    read: ({ stats }) => stats.foreign,
  },
  { name: "reconnects", type: "counter", unit: "{reconnect}", help: "How often the broker was down and came back.", read: ({ stats }) => stats.reconnects },
  { name: "subscriptions", type: "sum", unit: "{topic}", help: "Topics that this node has subscribed.", read: ({ stats }) => stats.subscriptions },
  {
    name: "queued_messages",
    type: "sum",
    unit: "{message}",
    help: "Publications of this node that wait for the broker.",
    read: ({ stats }) => stats.queued,
  },
  { name: "queued", type: "sum", unit: "By", help: "What the publications that wait for the broker take.", read: ({ stats }) => stats.queuedBytes },
];
