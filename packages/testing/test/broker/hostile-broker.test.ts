import { setImmediate } from "node:timers/promises";
import { memoryBroker } from "@upwire/cluster/broker";
import { describeBroker, FakeClock, hostileBroker, linkedBrokers, type HostileBroker, type HostileOdds } from "@upwire/testing";
import { expect, it } from "vitest";
import { hostileOdds } from "../../src/broker/hostile-options.ts";
import { linkedMaker } from "./linked.ts";

const abilities = {
  exact: "it delivers late, twice, out of order or not at all",
  steady: "its publishes fail now and then",
  others: "it does not always say",
};

for (const seed of [1, 2, 3]) {
  describeBroker(`hostile, seed ${seed}`, ({ clock, ...setup }) => hostileBroker(memoryBroker({ clock, ...setup }), { clock, seed }), {
    ...abilities,
    nodes: "the broker inside is one process",
    cut: "the broker inside is one process",
  });
}

for (const seed of [1, 2, 3]) {
  const make = linkedMaker((inner, { clock }) => hostileBroker(inner, { clock, seed }));
  describeBroker(`hostile on several nodes, seed ${seed}`, make, { ...abilities, save: "the nodes inside share one memory" });
}

function twoNodes(odds: Partial<HostileOdds>): { one: HostileBroker; other: HostileBroker; clock: FakeClock; heard: string[] } {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const none = Object.fromEntries(Object.keys(hostileOdds).map((name) => [name, 0]));
  const [one, other] = [1, 2].map((seed) => hostileBroker(linked.broker(), { clock, seed, odds: { ...none, ...odds } })) as [HostileBroker, HostileBroker];
  const heard: string[] = [];
  const sink = { message: () => {}, top: () => {}, gap: () => {}, state: () => {}, told: () => {}, nodes: () => {} };
  void one.start(sink);
  void other.start({ ...sink, told: (_, data) => void heard.push(new TextDecoder().decode(data)) });
  return { one, other, clock, heard };
}

const numbers = Array.from({ length: 200 }, (_, at) => String(at + 1));

async function tellAll(from: HostileBroker, clock: FakeClock, keepMs?: number): Promise<PromiseSettledResult<void>[]> {
  const calls = numbers.map((number) => from.tell(undefined, new TextEncoder().encode(number), keepMs === undefined ? {} : { keepMs }));
  const all = Promise.allSettled(calls);
  for (let turn = 0; turn < 3 * numbers.length; turn++) {
    await setImmediate();
    clock.advance(200);
  }
  return all;
}

it("delays what nodes tell each other, and changes neither its order nor its count", async () => {
  const { one, clock, heard } = twoNodes({ tellLate: 0.5 });
  await tellAll(one, clock);
  expect(heard).toEqual(numbers);
  expect(one.counts.late).toBeGreaterThan(50);
});

it("loses what is told, but not what is to be kept", async () => {
  const { one, clock, heard } = twoNodes({ tellLost: 0.5 });
  expect(await tellAll(one, clock)).toHaveLength(200);
  expect(heard.length).toBeLessThan(150);
  expect(heard.length).toBe(200 - one.counts.tellsLost);
  heard.length = 0;
  await tellAll(one, clock, 60_000);
  expect(heard).toEqual(numbers);
});

it("rejects a tell, with effect or without", async () => {
  const failing = twoNodes({ tellFails: 0.5 });
  const settled = await tellAll(failing.one, failing.clock);
  expect(failing.heard).toEqual(numbers.filter((_, at) => settled[at]?.status === "fulfilled"));
  expect(failing.heard.length).toBeLessThan(150);
  const deaf = twoNodes({ replyLost: 1 });
  expect((await tellAll(deaf.one, deaf.clock)).every(({ status }) => status === "rejected")).toBe(true);
  expect(deaf.heard).toEqual(numbers);
});

it("says late which nodes there are, and then what it says is what it shows", async () => {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const one = hostileBroker(linked.broker(), { clock, odds: { tellLate: 1 } });
  const said: number[] = [];
  const sink = { message: () => {}, top: () => {}, gap: () => {}, state: () => {}, told: () => {} };
  void one.start({ ...sink, nodes: (alive) => void said.push(alive.length === one.nodes().length ? alive.length : NaN) });
  const others = [linked.broker(), linked.broker()];
  for (const other of others) void other.start({ ...sink, nodes: () => {} });
  expect(said).toEqual([]);
  clock.advance(200);
  expect(said).toEqual([2, 3]);
  await others[0]?.close();
  expect(one.nodes()).toHaveLength(3);
  one.heal();
  clock.advance(200);
  await others[1]?.close();
  expect(said).toEqual([2, 3, 2, 1]);
});
