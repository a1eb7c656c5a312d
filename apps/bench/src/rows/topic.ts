import { attach, websocket } from "@upwire/core";
import { createRealtime, memoryBroker } from "@upwire/realtime";
import { createServer } from "node:http";
import { EARLIER, EVENT, TOPIC } from "../topic-text.ts";
import { listen, type Row } from "./row.ts";

const MB = 1024 * 1024;
const HOUR = 3_600_000;
/** With the least that has to be there: who may, and nothing to look at. */
const allow = { canSubscribe: () => true, canPublish: () => true };

/** A topic with history. What plain clients say is published in it. */
function topicRow(): Row {
  let publish = (_text: string): Promise<unknown> => Promise.reject(new Error("the row has not started"));
  return {
    async start({ history }) {
      const rules = history === undefined ? allow : { ...allow, history: { messages: history, bytes: 128 * MB, ageMs: HOUR } };
      const realtime = createRealtime({
        broker: memoryBroker({ maxBytes: 256 * MB }),
        topics: { "room:{name}": rules },
        fallback: { message: (_connection, message) => void publish(message.text()) },
      });
      const topic = realtime.topic("room:{name}", { name: TOPIC.slice("room:".length) });
      publish = (text) => topic.publish(EVENT, { text });
      if (history === undefined) for (let at = 0; at < EARLIER; at++) await publish("earlier");
      const ws = websocket(realtime);
      const server = createServer((req, res) => void ws(req, res));
      attach(server);
      return listen(server);
    },
    async publish(texts) {
      for (const text of texts) await publish(text);
    },
  };
}

export const row: Row = topicRow();
