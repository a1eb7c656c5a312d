import { redisBroker } from "@upwire/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";

/** Subscribes many topics with one connection, and again by itself when the server was away. */
export interface TopicsRow {
  readonly label: string;
  readonly kind: "upwire" | "control";
  start(url: string): Promise<{ subscribe(topics: readonly string[]): Promise<unknown> }>;
}

/** Every row by the name that `--rows` takes. */
export const topicsRows: Readonly<Record<string, TopicsRow>> = {
  redis: {
    label: "redisBroker",
    kind: "upwire",
    async start(url) {
      const broker = redisBroker({ url, onError() {} });
      const ignore = (): void => {};
      await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
      return { subscribe: (topics) => Promise.all(topics.map((topic) => broker.subscribe(topic))) };
    },
  },
  ioredis: {
    label: "ioredis, one SUBSCRIBE",
    kind: "control",
    async start(url) {
      const client = new Redis(url);
      client.on("error", () => {});
      await client.ping();
      return { subscribe: (topics) => client.subscribe(...topics) };
    },
  },
  "node-redis": {
    label: "node-redis, one SUBSCRIBE",
    kind: "control",
    async start(url) {
      const client = createClient({ url }).on("error", () => {});
      await client.connect();
      return { subscribe: (topics) => client.subscribe([...topics], () => {}) };
    },
  },
};
