import { redisBroker } from "@upwire/redis";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { HISTORY } from "../rows/our-broker.ts";
import { positionsByHand } from "./positions-by-hand.ts";

/** Subscribes many topics, and again by itself when the server was away. */
export interface TopicsRow {
  readonly label: string;
  readonly kind: "upwire" | "control";
  /** The row that it is compared with. */
  readonly base: string;
  /** With history: each topic has a key in Redis, which the server loses when it is killed. */
  readonly isKept: boolean;
  start(url: string): Promise<{ subscribe(topics: readonly string[]): Promise<unknown> }>;
}

const ignore = (): void => {};
const BASE = "ioredis";
const KEPT_BASE = "ioredis-history";

function ourBroker(label: string, base: string, options: Parameters<ReturnType<typeof redisBroker>["subscribe"]>[1] = {}): TopicsRow {
  return {
    label,
    kind: "upwire",
    base,
    isKept: options.history !== undefined,
    async start(url) {
      const broker = redisBroker({ url, onError: ignore });
      await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
      return { subscribe: (topics) => Promise.all(topics.map((topic) => broker.subscribe(topic, options))) };
    },
  };
}

/** Every row by the name that `--rows` takes. */
export const topicsRows: Readonly<Record<string, TopicsRow>> = {
  redis: ourBroker("redisBroker", BASE),
  [BASE]: {
    label: "ioredis, one SUBSCRIBE",
    kind: "control",
    base: BASE,
    isKept: false,
    async start(url) {
      const client = new Redis(url).on("error", ignore);
      await client.ping();
      return { subscribe: (topics) => client.subscribe(...topics) };
    },
  },
  "node-redis": {
    label: "node-redis, one SUBSCRIBE",
    kind: "control",
    base: BASE,
    isKept: false,
    async start(url) {
      const client = createClient({ url }).on("error", ignore);
      await client.connect();
      return { subscribe: (topics) => client.subscribe([...topics], ignore) };
    },
  },
  "redis-history": ourBroker("redisBroker, with history", KEPT_BASE, { history: HISTORY }),
  [KEPT_BASE]: {
    label: "its script, called by ioredis",
    kind: "control",
    base: KEPT_BASE,
    isKept: true,
    start: positionsByHand,
  },
};
