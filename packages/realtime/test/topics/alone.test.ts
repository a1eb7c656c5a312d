import { expect, it } from "vitest";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, withoutHistory } from "./stage.ts";

it.each([
  ["rejects", () => Promise.reject(new Error("down")), 0],
  ["never answers", never, 5000],
])("without history members are served though subscribe of the broker %s, and are told a gap once it has worked", async (_, way, waitMs) => {
  const script = new ScriptedBroker();
  script.acts.subscribe = way;
  const { clock, connect, publish, reported, topics } = stage({ broker: () => script });
  const [one, other] = [await connect(), await connect()];
  one.subscribe(withoutHistory);
  other.subscribe(withoutHistory);
  await settle();
  clock.advance(waitMs);
  for (const client of [one, other]) expect(await client.next()).toEqual([{ resumed: false }]);
  await publish(withoutHistory, 1);
  for (const client of [one, other]) expect(await client.next()).toEqual([1]);
  for (let round = 0; round < 3; round++) {
    clock.advance(6000);
    await settle();
  }
  expect(reported).toHaveLength(1);
  delete script.acts.subscribe;
  for (let seconds = 0; seconds < 7; seconds++) {
    clock.advance(1000);
    await settle();
  }
  for (const client of [one, other]) expect(await client.next()).toEqual([{ gap: { reason: "lost" } }]);
  clock.advance(60_000);
  await publish(withoutHistory, 2);
  for (const client of [one, other]) expect(await client.next()).toEqual([2]);
  for (const client of [one, other]) client.peer.destroy();
  await settle();
  clock.advance(10_000);
  await settle();
  expect([clock.pending, topics.size("t"), script.calls.at(-1)]).toEqual([0, 0, "unsubscribe t"]);
});

it("without history nothing is waited for while the broker says that it is down", async () => {
  const script = new ScriptedBroker();
  script.state = () => "down";
  script.acts.subscribe = never;
  const { connect, publish } = stage({ broker: () => script });
  const client = await connect();
  client.subscribe(withoutHistory);
  expect(await client.next()).toEqual([{ resumed: false }]);
  await publish(withoutHistory, 1);
  expect(await client.next()).toEqual([1]);
});
