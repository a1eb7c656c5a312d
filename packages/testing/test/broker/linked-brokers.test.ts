import type { Broker, BrokerSink } from "@upwire/cluster/broker";
import { describeBroker, FakeClock, linkedBrokers } from "@upwire/testing";
import { expect, it } from "vitest";
import { linkedMaker } from "./linked.ts";

describeBroker("linked", linkedMaker(), { save: "its nodes share one memory" });

const history = { messages: 100, bytes: 1e6, ageMs: 60_000 };

function started(broker: Broker, hooks: Partial<BrokerSink> = {}): Broker {
  void broker.start({ message: () => {}, top: () => {}, gap: () => {}, state: () => {}, told: () => {}, nodes: () => {}, ...hooks });
  return broker;
}

function text(data: Uint8Array): string {
  return new TextDecoder().decode(data);
}

const bytes = (data: string): Uint8Array => new TextEncoder().encode(data);

it("ends a node as a kill does: it does nothing more, and the others drop it after 4 s", async () => {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const [one, other] = [started(linked.broker()), linked.broker()];
  const told: unknown[] = [];
  started(other, { message: (topic) => void told.push(topic), told: (from) => void told.push(from), state: (state) => void told.push(state) });
  await other.subscribe("a");
  linked.kill(other.node);
  expect((await one.publish("a", "x")).others).toBe(0);
  await one.tell(other.node, bytes("x"), { keepMs: 60_000 });
  await expect(other.publish("a", "x")).rejects.toMatchObject({ code: "unavailable" });
  clock.advance(3999);
  expect(one.nodes()).toHaveLength(2);
  clock.advance(1);
  expect(one.nodes()).toEqual([one.node]);
  expect(told).toEqual([]);
  expect(() => linked.mend(other.node)).toThrow("is no node here that was started and has not ended");
  await one.close();
  expect(clock.pending).toBe(0);
});

it("keeps for a node that is cut off no longer than asked for", async () => {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const [one, other] = [started(linked.broker()), linked.broker()];
  const told: string[] = [];
  started(other, { told: (_, data) => void told.push(text(data)) });
  linked.cut(other.node);
  await one.tell(undefined, bytes("short"), { keepMs: 1000 });
  await one.tell(undefined, bytes("long"), { keepMs: 2000 });
  clock.advance(1500);
  linked.mend(other.node);
  expect(told).toEqual(["long"]);
});

it("takes a node that is cut off for gone once, and shows it only itself", () => {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const views: number[] = [];
  const one = started(linked.broker(), { nodes: (alive) => void views.push(alive.length) });
  const other = started(linked.broker());
  linked.cut(other.node);
  linked.cut(other.node);
  clock.advance(2000);
  linked.mend(other.node);
  linked.mend(other.node);
  clock.advance(10_000);
  expect(views).toEqual([2]);
  linked.cut(other.node);
  clock.advance(4000);
  expect([one.nodes(), other.nodes()]).toEqual([[one.node], [other.node]]);
  expect(views).toEqual([2, 1]);
});

it("calls no hook inside another, and so keeps the order of each sender", async () => {
  const linked = linkedBrokers({ clock: new FakeClock() });
  const [one, other, third] = [linked.broker(), linked.broker(), linked.broker()];
  const heard: string[] = [];
  // The answer of the second node makes the first one tell again, while its first call is still on its way to the third.
  started(one, { told: () => void one.tell(undefined, bytes("second")) });
  started(other, { told: (from, data) => void (text(data) === "first" && other.tell(from, bytes("answer"))) });
  started(third, { told: (_, data) => void heard.push(text(data)) });
  await one.tell(undefined, bytes("first"));
  expect(heard).toEqual(["first", "second"]);
});

it("leaves the memory to nodes that start later", async () => {
  const clock = new FakeClock();
  const linked = linkedBrokers({ clock });
  const first = started(linked.broker());
  const { position } = await first.publish("a", "x", { history });
  await first.close();
  const second = started(linked.broker());
  expect(await second.history("a", 0, 10)).toMatchObject({ epoch: position?.epoch, publications: [{ offset: 1, data: "x" }] });
});

it("refuses to cut what is no node", () => {
  expect(() => linkedBrokers().cut("none")).toThrow(RangeError);
});
