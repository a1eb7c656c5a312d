// npm run cross-topics: how long 10,000 topics take to be subscribed, and to be subscribed again after a restart of Redis.
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { Child } from "@upwire-apps/faults/child";
import { redisMissing, startRedis } from "@upwire/testing/redis";
import { Redis } from "ioredis";
import { digits, table } from "../../table.ts";
import type { TopicsApi, TopicsSettings } from "./node.ts";
import { topicsRows, type TopicsRow } from "./rows.ts";

const NODE_PROGRAM = new URL("./node.js", import.meta.url);
const AWAY_MS = 300;
const AGAIN_WITHIN_MS = 20_000;

interface TopicsFigures {
  readonly firstMs: number;
  /** CPU time of the node meanwhile. */
  readonly firstCpuMs: number;
  /** From the moment at which the server takes connections again. */
  readonly againMs: number;
}

const { values } = parseArgs({ options: { rounds: { type: "string", default: "5" }, topics: { type: "string", default: "10000" }, rows: { type: "string" } } });
const count = Number(values.topics);
const missing = redisMissing();
if (missing !== undefined) {
  console.error(missing);
  process.exit(2);
}

const names = values.rows?.split(",") ?? Object.keys(topicsRows);
const results = new Map(names.map((row) => [row, [] as TopicsFigures[]]));
for (let round = 1; round <= Number(values.rounds); round++) {
  const rows = round % 2 === 1 ? [...results] : [...results].toReversed();
  for (const [row, rounds] of rows) rounds.push(await measure(row));
}
const median = (row: string, figure: keyof TopicsFigures): number => {
  const sorted = (results.get(row) ?? []).map((one) => one[figure]).toSorted((one, other) => one - other);
  return sorted[sorted.length >> 1] ?? Number.NaN;
};
const cells = (row: string, base: string, figure: keyof TopicsFigures): string[] => [
  digits(median(row, figure)),
  digits(median(row, figure) / median(base, figure)),
];
console.log(`${count} topics, medians of ${values.rounds} rounds; each beside the client library that does the same\n`);
console.log(
  table(
    ["", "subscribed ms", "ratio", "CPU ms", "ratio", "again ms", "ratio"],
    names.map((row) => {
      const { label, base } = rowOf(row);
      return [label, ...cells(row, base, "firstMs"), ...cells(row, base, "firstCpuMs"), ...cells(row, base, "againMs")];
    }),
  ),
);

function rowOf(name: string): TopicsRow {
  const row = topicsRows[name];
  if (row === undefined) throw new Error(`--rows: ${name} is no row; give some of ${Object.keys(topicsRows).join(", ")}`);
  return row;
}

async function measure(row: string): Promise<TopicsFigures> {
  const redis = await startRedis();
  const child = await Child.start<TopicsApi>(NODE_PROGRAM, { row, url: redis.url } satisfies TopicsSettings);
  try {
    const { ms: firstMs, cpuMs: firstCpuMs } = await child.call("subscribe", count);
    await redis.kill9();
    await delay(AWAY_MS);
    await redis.restart();
    return { firstMs, firstCpuMs, againMs: await untilSubscribed(redis.port, rowOf(row)) };
  } finally {
    await child.kill();
    await redis.close();
  }
}

/** Asked of the server itself, with another connection. It has begun without any key. */
async function untilSubscribed(port: number, { isKept }: TopicsRow): Promise<number> {
  const start = performance.now();
  const admin = new Redis(port, "127.0.0.1");
  try {
    while (performance.now() - start < AGAIN_WITHIN_MS) {
      const channels = Number(/^pubsub_channels:(\d+)/m.exec(await admin.info("stats"))?.[1]);
      if (channels >= count && (!isKept || (await admin.dbsize()) >= count)) return performance.now() - start;
      await delay(2);
    }
    throw new Error(`not all topics were subscribed again within ${AGAIN_WITHIN_MS} ms`);
  } finally {
    admin.disconnect();
  }
}
