import { Redis } from "ioredis";
import { createClient } from "redis";
import { nothing, TOPIC, type CrossRow } from "../row.ts";

/** What the client libraries do by themselves: one command for each message. */
export const ioredis: CrossRow = {
  label: "ioredis, publish and subscribe",
  kind: "control",
  through: "redis",
  async start({ role, url, topic }, onText) {
    const client = new Redis(url);
    const stop = (): void => client.disconnect();
    if (role === "publisher") return { publish: (text) => client.publish(topic, text), stop };
    client.on("message", (_channel, text: string) => onText(text));
    await client.subscribe(TOPIC);
    return { publish: nothing, stop };
  },
};

/** As it is meant to be fast: commands of one turn in one pipeline. */
export const ioredisPipelined: CrossRow = {
  ...ioredis,
  label: "ioredis, enableAutoPipelining",
  async start(setup, onText) {
    if (setup.role === "subscriber") return ioredis.start(setup, onText);
    const client = new Redis(setup.url, { enableAutoPipelining: true });
    return { publish: (text) => client.publish(setup.topic, text), stop: () => client.disconnect() };
  },
};

export const nodeRedis: CrossRow = {
  label: "node-redis, publish and subscribe",
  kind: "control",
  through: "redis",
  async start({ role, url, topic }, onText) {
    const client = createClient({ url });
    await client.connect();
    const stop = (): void => client.destroy();
    if (role === "publisher") return { publish: (text) => client.publish(topic, text), stop };
    await client.subscribe(TOPIC, onText);
    return { publish: nothing, stop };
  },
};
