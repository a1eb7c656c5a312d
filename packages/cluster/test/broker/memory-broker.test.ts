import { memoryBroker, type Broker, type BrokerPublication } from "@upwire/cluster/broker";
import { describeBroker, FakeClock } from "@upwire/testing";
import { expect, it } from "vitest";

describeBroker("memory", (setup) => memoryBroker(setup), {
  tops: "it loses nothing",
  nodes: "it is one process",
  cut: "it is one process",
});

const history = { messages: 100_000, bytes: 1e9, ageMs: 60_000 };

function start(options: Parameters<typeof memoryBroker>[0] = {}): { broker: Broker; clock: FakeClock; told: BrokerPublication[] } {
  const clock = new FakeClock();
  const broker = memoryBroker({ clock, ...options });
  const told: BrokerPublication[] = [];
  void broker.start({
    message: (_, publication) => void told.push(publication),
    top: () => {},
    gap: () => {},
    state: () => {},
    told: () => {},
    nodes: () => {},
  });
  return { broker, clock, told };
}

it("takes from the topic that was active least recently when all together have too much", async () => {
  const { broker } = start({ maxBytes: 100_000 });
  const publish = async (topic: string) => broker.publish(topic, "x".repeat(10_000), { history });
  const firsts = async () => [(await broker.history("old", 0, 1)).first, (await broker.history("new", 0, 1)).first];
  for (const topic of ["old", "old", "new", "new", "new", "new", "new", "new", "new"]) await publish(topic);
  expect(await firsts()).toEqual([1, 1]);
  await publish("new");
  expect(await firsts()).toEqual([2, 1]);
  await publish("old");
  expect(await firsts()).toEqual([2, 2]);
  await publish("new");
  expect(await firsts()).toEqual([3, 2]);
  await publish("new");
  expect(await firsts()).toEqual([4, 2]);
  await publish("new");
  expect((await broker.history("old", 0, 1)).epoch).toBe("");
});

it("keeps the epoch of a subscribed topic when it has given up everything", async () => {
  const { broker } = start({ maxBytes: 50_000 });
  await broker.subscribe("old", { history });
  const { position } = await broker.publish("old", "x".repeat(10_000), { history });
  for (let number = 0; number < 10; number++) await broker.publish("new", "x".repeat(10_000), { history });
  expect(await broker.history("old", 0, 1)).toEqual({ epoch: position?.epoch, top: 1, first: 2, publications: [] });
  expect((await broker.publish("old", "x", { history })).position).toEqual({ epoch: position?.epoch, offset: 2 });
});

it("delivers what is larger than everything it may keep", async () => {
  const { broker, told } = start({ maxBytes: 5000 });
  await broker.subscribe("a", { history });
  await broker.publish("a", "x".repeat(10_000), { history });
  await broker.publish("a", "y", { history });
  expect(told.map(({ position }) => position?.offset)).toEqual([1, 2]);
  expect((await broker.history("a", 0, 10)).first).toBe(2);
});

it("frees what its time has passed without being asked, and then keeps no timer", async () => {
  const { broker, clock } = start();
  for (let number = 0; number < 100; number++) await broker.publish(`topic-${number}`, "x", { history });
  await broker.subscribe("topic-7", { history });
  expect(clock.pending).toBe(1);
  clock.advance(60_000);
  expect(clock.pending).toBe(0);
  expect(await broker.history("topic-7", 0, 1)).toMatchObject({ top: 1, first: 2 });
});

it("takes other bounds of a topic from then on", async () => {
  const { broker, clock } = start();
  for (let number = 0; number < 10; number++) await broker.publish("a", "x", { history });
  await broker.subscribe("a", { history: { ...history, messages: 3, ageMs: 1000 } });
  expect((await broker.history("a", 0, 10)).first).toBe(8);
  await broker.unsubscribe("a");
  clock.advance(1000);
  expect((await broker.history("a", 0, 10)).epoch).toBe("");
  await expect(broker.publish("a", "x", { history: { ...history, ageMs: 0 } })).rejects.toThrow("history.ageMs: 0 is not allowed");
  await expect(broker.publish("a", "x", { history: { ...history, messages: 0.5 } })).rejects.toThrow(RangeError);
});

it("forgets the oldest of too many keys", async () => {
  const { broker } = start({ maxKeys: 3 });
  for (const key of ["1", "2", "3", "4"]) await broker.publish("a", "x", { key });
  expect((await broker.publish("a", "x", { key: "4" })).repeated).toBe(true);
  expect((await broker.publish("a", "x", { key: "2" })).repeated).toBe(true);
  expect((await broker.publish("a", "x", { key: "1" })).repeated).toBe(false);
});

it("forgets keys whose time has passed", async () => {
  const { broker, clock } = start();
  await broker.publish("a", "x", { key: "1", keyMs: 1000 });
  clock.advance(1000);
  expect((await broker.publish("a", "x", { key: "1" })).repeated).toBe(false);
});

it("tells a publish inside a delivery once that delivery has returned", async () => {
  const broker = memoryBroker();
  const steps: string[] = [];
  void broker.start({
    message(_, { position, data }) {
      steps.push(`in ${position?.offset}`);
      if (data === "first") void broker.publish("a", "second", { history });
      steps.push(`out ${position?.offset}`);
    },
    top: () => {},
    gap: () => {},
    state: () => {},
    told: () => {},
    nodes: () => {},
  });
  await broker.subscribe("a", { history });
  await broker.publish("a", "first", { history });
  expect(steps).toEqual(["in 1", "out 1", "in 2", "out 2"]);
});

it("finds a publication of a long history as fast as one of a short one", async () => {
  const { broker } = start();
  for (let number = 1; number <= 100_000; number++) await broker.publish("long", "x", { history });
  for (let number = 1; number <= 100; number++) await broker.publish("short", "x", { history });
  const pages = async (topic: string, after: number): Promise<number> => {
    const begun = performance.now();
    for (let number = 0; number < 2000; number++) await broker.history(topic, after, 1);
    return performance.now() - begun;
  };
  const ratios: number[] = [];
  for (let attempt = 0; attempt < 7; attempt++) ratios.push((await pages("long", 99_000)) / (await pages("short", 50)));
  expect(Math.min(...ratios)).toBeLessThan(2);
});

it("refuses a publish before it was started", async () => {
  await expect(memoryBroker().publish("a", "x")).rejects.toThrow("call start(sink) first");
});

it("forgets keys of an owner who has the most, and keeps those of the others, also over a restart", async () => {
  const { broker } = start({ maxKeys: 10 });
  const publish = (one: Broker, key: string, keyOwner: string) => one.publish("t", "x", { history, key, keyOwner });
  const first = await publish(broker, "bob 1", "bob");
  for (let n = 1; n <= 50; n++) await publish(broker, `ann ${n}`, "ann");
  expect(await publish(broker, "bob 1", "bob")).toEqual({ ...first, repeated: true, others: undefined });
  expect((await publish(broker, "ann 50", "ann")).repeated).toBe(true);
  expect((await publish(broker, "ann 20", "ann")).repeated).toBe(false);
  const { broker: next } = start({ maxKeys: 10, restore: (await broker.save?.()) as Uint8Array });
  for (let n = 51; n <= 90; n++) await publish(next, `ann ${n}`, "ann");
  expect((await publish(next, "bob 1", "bob")).repeated).toBe(true);
});
