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
