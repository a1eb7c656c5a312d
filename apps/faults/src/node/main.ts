// The process of one node: serves clients, and publishes in all topics.
import { setTimeout as delay } from "node:timers/promises";
import { note, serve, settingsOfChild } from "../child.ts";
import { nowMs } from "../now.ts";
import { Publisher } from "../publisher.ts";
import { topics, type Pace } from "../traffic.ts";
import type { NodeApi, NodeNote, NodeSettings, RunningNode } from "./api.ts";
import { startRealtimeNode } from "./realtime-node.ts";
import { startSocketIoNode } from "./socketio-node.ts";

const { name, engine } = settingsOfChild() as NodeSettings;
const tell = (said: NodeNote): void => note(said);
const inWords = (error: unknown): string => (error instanceof Error ? (error.stack ?? error.message) : String(error));
process.on("uncaughtException", (error) => tell({ kind: "uncaught", what: inWords(error) }));
process.on("unhandledRejection", (error) => tell({ kind: "uncaught", what: inWords(error) }));

/** How often the state of the broker is looked at. Milliseconds. */
const LOOK_MS = 10;
/** A drain waits for answers so long. Milliseconds. */
const ANSWER_MS = 5000;

const report = (error: unknown): void => tell({ kind: "reported", what: inWords(error) });
const node = await start();

let state = node.state?.();
setInterval(() => {
  const now = node.state?.();
  if (now === state || now === undefined) return;
  state = now;
  tell({ kind: "state", state: now, at: nowMs() });
}, LOOK_MS);

function start(): Promise<RunningNode> {
  return (engine.kind === "socketio" ? startSocketIoNode(engine, report) : startRealtimeNode(engine, report)).catch(async (error: unknown) => {
    tell({ kind: "refused", what: error instanceof Error ? error.message : String(error) });
    // What was told leaves before the process does.
    await delay(20);
    return process.exit(1);
  });
}

let publisher: Publisher | undefined;

const api: NodeApi = {
  port: () => node.port,
  publish(pace: Pace) {
    publisher = new Publisher({
      publisher: name,
      topics: topics.map(({ topic }) => topic),
      pace,
      publish: (topic, said) => node.publish(topic, said),
      note: tell,
    });
    publisher.start();
  },
  hush() {
    publisher?.stop();
    return publisher?.open ?? 0;
  },
  stats: () => node.stats?.() ?? {},
  async drain(how) {
    for (const end = performance.now() + ANSWER_MS; api.hush() > 0 && performance.now() < end;) await delay(5);
    publisher?.end();
    await node.drain(how);
  },
};
serve(api);
