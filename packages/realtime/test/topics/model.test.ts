import { memoryBroker, type Broker } from "@upwire/cluster/broker";
import type { SlowConsumerPolicy } from "@upwire/core";
import { FakeClock, hostileBroker } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import type { TopicConfig } from "../../src/topics/setup.ts";
import { newTopicStats } from "../../src/topics/stats.ts";
import { Topics } from "../../src/topics/topics.ts";
import { ModelClient } from "./model.ts";
import { settle, withHistory } from "./stage.ts";
import { Truth } from "./truth.ts";

/** Numbers that are the same for a seed. */
function numbers(seed: number): (below: number) => number {
  let state = Math.imul(seed, 0x9e3779b1);
  return (below) => {
    state = (state + 0x9e3779b9) | 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    return ((mixed ^ (mixed >>> 16)) >>> 0) % below;
  };
}

const POLICIES: readonly SlowConsumerPolicy[] = ["drop-newest", "drop-oldest", "keep-latest", "pause", "close"];

interface Play {
  readonly clock: FakeClock;
  readonly truth: Truth;
  readonly broker: Broker;
  readonly topics: Topics;
  readonly clients: readonly ModelClient[];
}

/** Up to the end, at which all are connected and read. */
async function play(seed: number, isHostile: boolean, config: TopicConfig): Promise<Play> {
  const pick = numbers(seed);
  const clock = new FakeClock();
  const truth = new Truth();
  const inner = truth.watch(memoryBroker({ clock }));
  const hostile = isHostile ? hostileBroker(inner, { clock, seed }) : undefined;
  const topics = new Topics({ broker: hostile ?? inner, clock, stats: newTopicStats(), report: () => {} });
  const clients = Array.from({ length: 6 }, (_, at) => {
    const policy = POLICIES[at % POLICIES.length] ?? "close";
    return new ModelClient({ name: `client ${at} (${policy}) of seed ${seed}`, truth, topics, config, policy });
  });
  let published = 0;
  const publish = (client: ModelClient): void => {
    const data = JSON.stringify({ type: "n", payload: `${++published}${"x".repeat(pick(200))}` });
    if (pick(2) === 0) client.publish(data);
    else topics.publish("t", config, data, {}).catch(() => {});
  };
  for (let step = 0; step < 400; step++) {
    const client = clients[pick(clients.length)] ?? clients[0];
    if (client === undefined) break;
    const action = pick(20);
    if (action < 8) for (let count = 1 + pick(4); count > 0; count--) publish(client);
    else if (action < 11 && !client.isConnected) {
      await client.connect();
      client.subscribe(client.position);
    } else if (action === 11) client.subscribe(pick(6) === 0 ? { last: 1 + pick(20) } : client.position);
    else if (action === 12 && pick(4) === 0) client.unsubscribe();
    else if (action === 13) client.cut();
    else if (action < 16 && client.peer !== undefined) client.peer.isTaking = pick(2) === 0;
    else if (action === 16) client.peer?.release();
    else if (action < 19) clock.advance(pick(300));
    if (pick(2) === 0) await settle(1 + pick(3));
    client.read();
  }
  hostile?.heal();
  for (const client of clients) {
    if (client.peer !== undefined) client.peer.isTaking = true;
    await settle(2);
    client.read();
    if (!client.isConnected) await client.connect();
    client.subscribe(client.position);
  }
  for (let at = 0; at < 60; at++) {
    clock.advance(200);
    await settle(3);
  }
  for (const client of clients) client.read();
  return { clock, truth, broker: inner, topics, clients };
}

async function leavesNothing({ clock, topics, clients }: Play): Promise<void> {
  for (const client of clients) client.cut();
  await settle();
  expect(topics.size("t")).toBe(0);
  for (let at = 0; at < 10; at++) {
    clock.advance(1500);
    await settle(2);
  }
  await topics.close();
}

describe.each([
  ["in-process", false],
  ["hostile", true],
])("with the %s broker", (_, isHostile) => {
  it.each([1, 2, 3])("clients that come, go and are slow lose nothing and get nothing twice, seed %i", { timeout: 30_000 }, async (seed) => {
    const played = await play(seed, isHostile, withHistory);
    const top = played.truth.top("t");
    for (const client of played.clients) {
      expect(client.faults).toEqual([]);
      expect(client.gaps).toEqual([]);
      expect(client.position).toEqual(top);
    }
    await leavesNothing(played);
  });

  it.each([1, 2, 3])("clients are told of exactly what a short history has no more, seed %i", { timeout: 30_000 }, async (seed) => {
    const played = await play(seed, isHostile, { history: { messages: 5, bytes: 100_000, ageMs: 300_000 }, state: undefined });
    const top = played.truth.top("t");
    const { first } = await played.broker.history("t", 0, 1);
    for (const client of played.clients) {
      expect(client.faults).toEqual([]);
      for (const { after } of client.gaps) expect(after + 1).toBeLessThan(first);
      expect(client.position).toEqual(top);
    }
    expect(played.clients.some(({ gaps }) => gaps.length > 0)).toBe(true);
    await leavesNothing(played);
  });
});
