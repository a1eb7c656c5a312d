import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Broker } from "@upwire/cluster/broker";
import { attach, websocket } from "@upwire/core";
import { createRealtime } from "@upwire/realtime";
import { EVENT, LIVE, LOG } from "../traffic.ts";
import type { Engine, RunningNode } from "./api.ts";
import { brokerFor } from "./brokers.ts";

const MB = 1024 * 1024;
const allow = { canSubscribe: () => true, canPublish: () => true };
/** A round fits in, so that what is lost is never lost by a bound. */
const HISTORY = { messages: 20_000, bytes: 16 * MB, ageMs: 600_000 };

/** A realtime of ours with topics of both kinds. @throws what the broker refuses to start with. */
export async function startRealtimeNode(engine: Exclude<Engine, { kind: "socketio" }>, report: (error: unknown) => void): Promise<RunningNode> {
  const broker: Broker = await brokerFor(engine, report);
  const realtime = createRealtime({
    broker,
    // Clients come back at once: a round is short.
    expectedClients: 50,
    limits: { replayMessages: HISTORY.messages, replayBytes: HISTORY.bytes },
    topics: { [LOG]: { ...allow, history: HISTORY }, [LIVE]: { ...allow, history: false } },
    options: { onError: report },
  });
  const ws = websocket(realtime);
  const server = createServer((req, res) => void ws(req, res));
  const attachment = attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  const handles = new Map<
    string,
    { publish(event: string, said: unknown): Promise<{ readonly offset: number | undefined; readonly delivery: "cluster" | "local-only" }> }
  >();

  function handleOf(topic: string): ReturnType<(typeof handles)["get"]> & object {
    const [kind, name = ""] = topic.split(":");
    const handle = handles.get(topic) ?? (kind === "log" ? realtime.topic(LOG, { name }) : realtime.topic(LIVE, { name }));
    handles.set(topic, handle);
    return handle;
  }

  return {
    port: (server.address() as AddressInfo).port,
    publish: (topic, said) => handleOf(topic).publish(EVENT, said),
    state: () => broker.state(),
    stats: () => ({ ...broker.stats }),
    async drain(how) {
      await attachment.shutdown(how);
      await realtime.stop();
    },
  };
}
