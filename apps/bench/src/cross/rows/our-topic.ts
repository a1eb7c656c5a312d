import { createServer } from "node:http";
import { attach, websocket } from "@upwire/core";
import { createRealtime } from "@upwire/realtime";
import { listen } from "../../rows/row.ts";
import { EVENT, type CrossRow } from "../row.ts";
import { brokerOf, HISTORY, type Through } from "./our-broker.ts";

/** `createRealtime`: a topic with history and one client of `upwire.v1` on the other node. */
function ourTopic(label: string, through: Through): CrossRow {
  return {
    label,
    kind: "upwire",
    through,
    clients: "v1",
    async start(setup) {
      const realtime = createRealtime({
        broker: brokerOf(through, setup),
        topics: { "room:{name}": { canSubscribe: () => true, history: HISTORY } },
      });
      const topic = realtime.topic("room:{name}", { name: setup.topic.slice("room:".length) });
      const ws = websocket(realtime);
      const server = createServer((req, res) => void ws(req, res));
      attach(server);
      return { port: await listen(server), publish: (text) => topic.publish(EVENT, { text }) };
    },
  };
}

export const topicRedis: CrossRow = ourTopic("createRealtime, history, on redisBroker", "redis");
export const topicMesh: CrossRow = ourTopic("createRealtime, history, on meshBroker", "mesh");
