import { expect, it } from "vitest";
import { stage, withHistory, withoutHistory } from "./stage.ts";

it("sends what is published after a subscribe, with offsets, and nothing before the answer", async () => {
  const { connect, publish } = stage();
  await publish(withHistory, "a");
  const client = await connect();
  client.subscribe(withHistory);
  expect(await client.next()).toEqual([{ top: 1, after: 1, resumed: false }]);
  await publish(withHistory, "b", "c");
  expect(await client.next()).toEqual(['2="b"', '3="c"']);
});

it("resumes in the call of subscribe when everything is at hand", async () => {
  const { connect, publish, topics } = stage();
  const [first, second] = [await connect(), await connect()];
  first.subscribe(withHistory);
  await first.next();
  await publish(withHistory, 1, 2, 3, 4);
  const { epoch } = await topics.publish("t", withHistory, '{"type":"n","payload":5}', {}).then(({ position }) => position ?? { epoch: "" });
  let answered = false;
  topics.subscribe(second.connection, "t", withHistory, { epoch, offset: 2 }, () => (answered = true));
  expect(answered).toBe(true);
  expect(await second.next()).toEqual(["3=3", "4=4", "5=5"]);
  await publish(withHistory, 6);
  expect(await second.next()).toEqual(["6=6"]);
});

it("keeps the place of a client that is slow, and brings what it missed once its socket takes data", async () => {
  const { connect, publish, stats } = stage();
  const client = await connect({ maxQueueBytes: 2000 });
  client.subscribe(withHistory);
  await client.next();
  client.peer.isTaking = false;
  const payloads = Array.from({ length: 300 }, (_, at) => `${at}${"x".repeat(200)}`);
  await publish(withHistory, ...payloads);
  expect(stats.lagged).toBe(1);
  client.peer.isTaking = true;
  expect(await client.next()).toEqual(payloads.map((payload, at) => `${at + 1}="${payload}"`));
  await publish(withHistory, "live");
  expect(await client.next()).toEqual(['301="live"']);
});

it("without history sends at once, but not to `except`", async () => {
  const { connect, topics } = stage();
  const [one, other] = [await connect(), await connect()];
  one.subscribe(withoutHistory);
  other.subscribe(withoutHistory);
  expect(await one.next()).toEqual([{ resumed: false }]);
  await other.next();
  void topics.publish("t", withoutHistory, '{"type":"n","payload":1}', { except: one.connection });
  expect(await other.next()).toEqual([1]);
  expect(await one.next()).toEqual([]);
});
