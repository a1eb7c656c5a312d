// One of the processes with connections: a hub, and one hub over all processes.
import { createServer } from "node:http";
import { serve, settingsOfChild } from "@upwire-apps/faults/child";
import { createClusterHub } from "@upwire/cluster";
import { meshBroker } from "@upwire/cluster/mesh";
import { attach, createHub, websocket } from "@upwire/core";
import { nowUs } from "../cross/text.ts";
import { listen } from "../rows/row.ts";
import type { ServerApi, ServerSettings } from "./api.ts";

const { folder } = settingsOfChild() as ServerSettings;
const hub = createHub();
const cluster = folder === undefined ? undefined : createClusterHub(hub, meshBroker({ folder }));
await cluster?.started;
const ws = websocket({ open: (connection) => void hub.add(connection) });
const server = createServer((req, res) => void ws(req, res));
attach(server);
const port = await listen(server);

const api: ServerApi = {
  port: () => port,
  connections: () => hub.size,
  rssBytes() {
    globalThis.gc?.();
    return process.memoryUsage.rss();
  },
  async broadcast(text) {
    const atUs = nowUs();
    const { reached, missing } = cluster === undefined ? { reached: hub.broadcast(text), missing: [] } : await cluster.broadcast(text);
    return { atUs, answeredUs: nowUs(), reached, missing };
  },
};
serve(api);
