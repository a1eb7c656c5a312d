// The process of the clients. No fault ever hits it: what it writes down is what clients really got.
import { createClient } from "@upwire/client";
import { WebSocket } from "ws";
import { note, serve, settingsOfChild } from "../child.ts";
import { nowMs } from "../now.ts";
import { Publisher } from "../publisher.ts";
import { EVENT, LOG, topics, type Pace } from "../traffic.ts";
import type { Expected, VisitorsApi, VisitorsNote, VisitorsSettings } from "./api.ts";
import { plainVisitor } from "./plain-visitor.ts";
import { socketIoVisitor } from "./socketio-visitor.ts";
import { upwireVisitor, type VisitorSetup } from "./upwire-visitor.ts";
import { Addresses, Notebook, type Visitor } from "./visitor.ts";

const { kind, ports, perServer, speakers } = settingsOfChild() as VisitorsSettings;
const tell = (said: VisitorsNote): void => note(said);
const inWords = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
process.on("uncaughtException", (error) => tell({ kind: "uncaught", what: inWords(error) }));
process.on("unhandledRejection", (error) => tell({ kind: "uncaught", what: inWords(error) }));
const report = (error: unknown): void => tell({ kind: "reported", what: inWords(error) });

const addresses = new Addresses(ports);
const notebook = new Notebook();
const makers: readonly ((setup: VisitorSetup) => Visitor)[] = kind === "socketio" ? [socketIoVisitor, socketIoVisitor] : [upwireVisitor, plainVisitor];
const visitors = ports.flatMap((_port, server) =>
  makers.flatMap((make, which) =>
    Array.from({ length: perServer }, (_, index) =>
      make({ id: `${make.name}-${server}-${which}-${index}`, notebook, nextPort: addresses.from(server), report }),
    ),
  ),
);

let publishers: readonly Publisher[] = [];
/** Two topics of a client stay below the 64 publishes that a server lets one connection have unanswered. */
const SPEAKER_WINDOW = 25;

/** A client that publishes with keys: what a cut leaves unanswered is sent again, to another server too. */
function speaker(index: number, pace: Pace): Publisher {
  const nextPort = addresses.from(index);
  const client = createClient(() => `ws://127.0.0.1:${nextPort()}/`, { WebSocket, onError: report });
  return new Publisher({
    publisher: `client-${index}`,
    topics: topics.filter((topic) => topic.kind === "log").map(({ topic }) => topic),
    pace: { ...pace, window: Math.min(pace.window, SPEAKER_WINDOW) },
    publish: (topic, said) => client.topic(LOG, { name: topic.split(":")[1] ?? "" }).publish(EVENT, said, { key: true }),
    note: tell,
  });
}

const api: VisitorsApi = {
  setPorts(next) {
    addresses.ports = next;
  },
  publish(pace) {
    publishers = Array.from({ length: speakers }, (_, index) => speaker(index, pace));
    for (const publisher of publishers) publisher.start();
  },
  hush() {
    for (const publisher of publishers) publisher.stop();
  },
  progress: (expected) => ({
    subscribed: visitors.reduce((sum, visitor) => sum + visitor.subscribed, 0),
    wanted: visitors.length * topics.length,
    behind: behind(expected),
    idleMs: nowMs() - notebook.lastAt,
    open: publishers.reduce((sum, { open }) => sum + open, 0),
  }),
  report: () => notebook.listeners,
};

function behind(expected: Expected): number {
  return notebook.listeners.filter(({ topic, heard }) => {
    const last = new Map<string, number>();
    for (const entry of heard) if (entry.kind === "message") last.set(entry.publisher, Math.max(entry.n, last.get(entry.publisher) ?? 0));
    return Object.entries(expected[topic] ?? {}).some(([publisher, n]) => (last.get(publisher) ?? 0) < n);
  }).length;
}

serve(api);
