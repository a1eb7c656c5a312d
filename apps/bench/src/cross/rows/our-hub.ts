import { createServer } from "node:http";
import { createClusterHub } from "@upwire/cluster";
import { attach, createHub, websocket } from "@upwire/core";
import { listen } from "../../rows/row.ts";
import { TOPIC, type CrossRow } from "../row.ts";
import { brokerOf, type Through } from "./our-broker.ts";

/** `createClusterHub`: a room with one client on the other node, and none on the publisher's. */
function ourHub(label: string, through: Through): CrossRow {
  return {
    label,
    kind: "upwire",
    through,
    clients: "plain",
    async start(setup) {
      const hub = createHub();
      const cluster = createClusterHub(hub, brokerOf(through, setup));
      await cluster.started;
      const ws = websocket({ open: (connection) => void hub.room(TOPIC).add(connection) });
      const server = createServer((req, res) => void ws(req, res));
      attach(server);
      return { port: await listen(server), publish: (text) => cluster.room(setup.topic).broadcast(text) };
    },
  };
}

export const hubRedis: CrossRow = ourHub("createClusterHub on redisBroker", "redis");
export const hubMesh: CrossRow = ourHub("createClusterHub on meshBroker", "mesh");
