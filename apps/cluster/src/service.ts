import type { Broker } from "@upwire/cluster/broker";
import { shareBroker } from "@upwire/cluster/broker";
import { createClusterHub } from "@upwire/cluster";
import { createAudience, createHub, refuse, type Attachment, type ConnectionHandler } from "@upwire/core";
import { createRealtime, RealtimeError } from "@upwire/realtime";
import type { Server } from "node:http";
import { contract, type ClusterRealtime, type Status } from "./contract.ts";
import { refusalOf, type Launcher } from "./launcher-link.ts";
import { loadPage, type Page } from "./page.ts";

/** How often the tabs are counted. Milliseconds. */
const STATUS_MS = 1000;
const MAX_TABS = 50;
const TAB_NAME = /^[a-z0-9-]{1,24}$/;

/** How much of the room a tab finds that was away: more than any tab misses while one server restarts. */
const HISTORY = { messages: 10_000, bytes: 8 * 1024 * 1024, ageMs: 5 * 60_000 };

/** What a server is told about itself. */
export interface ServiceOptions {
  readonly broker: Broker;
  readonly kind: "mesh" | "redis";
  readonly number: number;
  readonly framework: string;
  /** Proxies in front of it; see `trustProxy` of the options. @default none */
  readonly trustProxy?: number | undefined;
  /** By which names browsers may reach it. @default all */
  readonly allowedHosts?: readonly string[] | undefined;
  /** Who starts and ends the servers. @default none: no tab can ask */
  readonly launcher?: Launcher | undefined;
}

/** What a main file of a framework serves. */
export interface Service {
  /** The handler of `/ws`. */
  readonly handler: ConnectionHandler<string>;
  readonly page: Page;
  /** When the clients are gone. What this node keeps for others, it hands over. */
  stop(): Promise<void>;
}

export interface Where {
  readonly host: string;
  readonly port: number;
}

export interface Listening {
  readonly server: Server;
  readonly attachment: Attachment;
}

/** The same on every server: rooms, and who is there. `broker` is all that makes a cluster of them. */
export function createService({ broker, kind, number, framework, trustProxy, allowedHosts, launcher }: ServiceOptions): Service {
  // Two users of one broker: the realtime, and the hub that knows the tabs of all servers.
  const shared = shareBroker(broker);
  const hub = createHub<string>();
  const tabs = createClusterHub(hub, shared.part("tabs"));
  const watching = createAudience<string>();

  const realtime: ClusterRealtime = createRealtime(contract, {
    broker: shared.part("room"),
    // A tab says its own name. Yours asks a session or a token here.
    authorize({ query }) {
      const tab = query.get("tab") ?? "";
      return TAB_NAME.test(tab) ? tab : refuse(401, "Give the name of your tab: ?tab=teal-1\n");
    },
    onOpen: ({ connection, user }) => hub.user(user).add(connection),
    topics: {
      "room:{room}": { canSubscribe: () => true, history: HISTORY },
    },
    requests: {
      // The key makes it safe to send again through another server: it is published once.
      say: ({ payload: { room, ...said }, user }) =>
        realtime.topic("room:{room}", { room }).publish("message", { from: user, via: number, ...said }, { key: `${user}:${said.n}` }),
      async watch({ connection }) {
        watching.add(connection);
        return status();
      },
      control({ payload: { action, server } }) {
        if (launcher === undefined) throw new RealtimeError("no_launcher", "These servers are started and ended by something else");
        const refusal = refusalOf(action, server, launcher.servers);
        if (refusal !== undefined) throw new RealtimeError("not_now", refusal);
        launcher.ask(action, server);
        return {};
      },
    },
    limits: { replayMessages: HISTORY.messages, replayBytes: HISTORY.bytes },
    options: { ...(trustProxy && { trustProxy }), ...(allowedHosts && { allowedHosts }) },
    expectedClients: 1000,
  });

  async function status(): Promise<Status> {
    const { connections, missing } = await tabs.list({ limit: MAX_TABS });
    return {
      server: { number, framework },
      broker: { kind, state: broker.state(), nodes: broker.nodes().length },
      servers: launcher?.servers ?? [],
      tabs: connections.map(({ node, userId = "?" }) => ({ name: userId, node })),
      missing: [...missing],
    };
  }

  let told = "";
  let telling: Promise<void> | undefined;
  /** To the tabs that watch, if anything has changed. */
  async function tellStatus(): Promise<void> {
    const frame = JSON.stringify({ type: "status", payload: await status() });
    if (frame === told) return;
    told = frame;
    watching.broadcast(frame);
  }
  const tell = (): void => {
    // A list of all nodes takes a second when one of them does not answer.
    if (watching.size > 0)
      telling ??= tellStatus()
        .catch(console.error)
        .finally(() => (telling = undefined));
  };
  const timer = setInterval(tell, STATUS_MS);
  launcher?.onChange(tell);

  return {
    handler: realtime,
    page: loadPage(),
    async stop() {
      clearInterval(timer);
      await Promise.all([realtime.stop(), tabs.stop()]);
    },
  };
}
