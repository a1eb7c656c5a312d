import type { Stats } from "@upwire/core";
import { closures, refusals } from "@upwire/core/adapter";
import { byLabel, OTHER, type Row } from "./row.ts";

/** The closure of `@upwire/realtime`, beside those of core. */
const layerCodes = ["ERR_BAD_FRAMES"];

/** What an Attachment and an Upgrader count alike. @param ownCodes Closures of the application that are counted apart. */
export function connectionRows(ownCodes: readonly string[]): readonly Row<{ readonly stats: Stats }>[] {
  const endings = [...new Set([...Object.keys(closures), ...layerCodes, ...ownCodes])];
  return [
    { name: "open_connections", type: "sum", unit: "{connection}", help: "Connections that are open or closing now.", read: ({ stats }) => stats.open },
    { name: "opened_connections", type: "counter", unit: "{connection}", help: "Connections that were opened.", read: ({ stats }) => stats.opened },
    {
      name: "ended_connections",
      type: "counter",
      unit: "{connection}",
      labels: ["code"],
      help: "Connections that upwire or the application ended with an error, by its code.",
      read: ({ stats }) => byLabel("code", endings, stats.ended, OTHER),
    },
    {
      name: "refused_handshakes",
      type: "counter",
      unit: "{handshake}",
      labels: ["code"],
      help: "Upgrade requests that a route refused, by code.",
      read: ({ stats }) => byLabel("code", Object.keys(refusals), stats.refused),
    },
    { name: "received_messages", type: "counter", unit: "{message}", help: "Messages that came from clients.", read: ({ stats }) => stats.messagesIn },
    {
      name: "sent_messages",
      type: "counter",
      unit: "{message}",
      help: "Messages that a queue took, once for each client.",
      read: ({ stats }) => stats.messagesOut,
    },
    { name: "received_payload", type: "counter", unit: "By", help: "Payloads that came from clients, after inflating.", read: ({ stats }) => stats.bytesIn },
    { name: "sent_payload", type: "counter", unit: "By", help: "Payloads that a queue took, before compression.", read: ({ stats }) => stats.bytesOut },
    { name: "queued", type: "sum", unit: "By", help: "What waits to leave to clients now, as it goes on the wire.", read: ({ stats }) => stats.queuedBytes },
    { name: "dropped_messages", type: "counter", unit: "{message}", help: "Messages that a slow client did not get.", read: ({ stats }) => stats.dropped },
    {
      name: "replaced_messages",
      type: "counter",
      unit: "{message}",
      help: "Messages whose place a newer one with the same key took.",
      read: ({ stats }) => stats.replaced,
    },
    { name: "throttles", type: "counter", unit: "{throttle}", help: "How often a client was held back by rateLimit.", read: ({ stats }) => stats.throttled },
    {
      name: "skipped_pongs",
      type: "counter",
      unit: "{ping}",
      help: "Pings that were answered only by the pong for a later one.",
      read: ({ stats }) => stats.skippedPongs,
    },
  ];
}
