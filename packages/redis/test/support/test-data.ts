import { realClock, type BrokerPublication } from "@upwire/cluster/broker";
import { onTestFinished } from "vitest";
import type { DataCounts } from "../../src/data/context.ts";
import { defaultLimits, type QueueLimits } from "../../src/data/limits.ts";
import { Names } from "../../src/data/names.ts";
import { RedisData } from "../../src/data/redis-data.ts";
import { createDriver } from "../../src/driver/create-driver.ts";
import { scripts } from "../../src/lua/scripts.ts";
import { ScriptedDriver } from "./scripted-driver.ts";

export interface TestData {
  readonly data: RedisData;
  readonly driver: ScriptedDriver;
  readonly messages: (BrokerPublication & { readonly topic: string })[];
  readonly gaps: string[];
  readonly reports: string[];
  readonly counts: DataCounts;
}

/** The data half of a node on a driver whose answers a test can replace. */
export async function startData(url: string, limits: Partial<QueueLimits> = {}): Promise<TestData> {
  const node = `node-${String(Math.random()).slice(2, 12)}`;
  const driver = new ScriptedDriver(await createDriver({ client: { url }, prefix: "upwire", node, clock: realClock, scripts }));
  const counts: DataCounts = { published: 0, rejected: 0, received: 0, lost: 0, foreign: 0 };
  const messages: TestData["messages"][number][] = [];
  const gaps: string[] = [];
  const reports: string[] = [];
  const sink = {
    message: (topic: string, publication: BrokerPublication) => void messages.push({ topic, ...publication }),
    top: () => {},
    gap: (topic: string) => void gaps.push(topic),
  };
  const report = ({ message }: Error): void => void reports.push(message);
  const data = new RedisData({ driver, names: new Names("upwire"), node, clock: realClock, sink, counts, report }, { ...defaultLimits, ...limits });
  await driver.start({
    message: (channel, bytes) => void data.message(channel, bytes),
    foreign: () => {},
    resubscribed: () => data.resubscribed(),
    state: (state) => data.state(state),
    error: report,
  });
  await data.start();
  onTestFinished(async () => {
    data.close();
    await driver.close();
  });
  return { data, driver, messages, gaps, reports, counts };
}
