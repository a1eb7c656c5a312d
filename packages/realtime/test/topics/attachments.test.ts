import { describe, expect, it } from "vitest";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, text, withHistory, withoutHistory, type Stage } from "./stage.ts";

function scene(): Stage & { readonly script: ScriptedBroker } {
  const script = new ScriptedBroker();
  return { ...stage({ broker: () => script }), script };
}

it("attaches a topic for its first member, and ends that some time after the last one", async () => {
  const { script, connect, clock } = scene();
  const [one, other] = [await connect(), await connect()];
  one.subscribe(withHistory);
  other.subscribe(withHistory);
  await settle();
  one.unsubscribe();
  clock.advance(9000);
  other.unsubscribe();
  clock.advance(4999);
  expect(script.calls).toEqual(["subscribe t"]);
  clock.advance(1);
  expect(script.calls).toEqual(["subscribe t", "unsubscribe t"]);
  await settle();
  expect(clock.pending).toBe(0);
});

it("stays attached when a member comes back in time, and goes on where it was", async () => {
  const { script, connect, clock } = scene();
  const client = await connect();
  client.subscribe(withHistory);
  await settle();
  client.unsubscribe();
  clock.advance(4000);
  script.keep(1);
  script.say(1);
  client.subscribe(withHistory, { epoch: "epoch-1", offset: 0 });
  clock.advance(60_000);
  expect((await client.next()).slice(1)).toEqual([{ top: 1, after: 0, resumed: true }, "1=1"]);
  expect(script.calls).toEqual(["subscribe t"]);
});

it("bounds how many topics without members stay attached: the one that was left first goes", async () => {
  const script = new ScriptedBroker();
  const { connect } = stage({ broker: () => script, limits: { lingeringTopics: 2 } });
  const client = await connect();
  const names = ["a", "b", "c", "d"];
  for (const name of names) client.subscribe(withHistory, undefined, name);
  await settle();
  client.unsubscribe("b");
  client.unsubscribe("a");
  client.subscribe(withHistory, undefined, "b");
  client.unsubscribe("b");
  script.calls.length = 0;
  client.unsubscribe("c");
  expect(script.calls).toEqual(["unsubscribe a"]);
  client.unsubscribe("d");
  expect(script.calls).toEqual(["unsubscribe a", "unsubscribe b"]);
});

it("attaches again only when the end of the last attachment is answered, or overdue", async () => {
  const { script, connect, clock } = scene();
  script.acts.unsubscribe = never;
  const client = await connect();
  client.subscribe(withHistory);
  await settle();
  client.unsubscribe();
  clock.advance(5000);
  client.subscribe(withHistory);
  expect(await client.next()).toEqual([{ top: 0, after: 0, resumed: false }]);
  expect(script.calls).toEqual(["subscribe t", "unsubscribe t"]);
  clock.advance(5000);
  expect(await client.next()).toEqual([{ top: 0, after: 0, resumed: false }]);
  expect(script.calls).toEqual(["subscribe t", "unsubscribe t", "subscribe t"]);
});

describe.each([
  ["rejects", () => Promise.reject(new Error("down"))],
  [
    "throws",
    () => {
      throw new Error("down");
    },
  ],
  ["never answers", never],
  ["answers with no position", () => Promise.resolve(undefined)],
])("a broker that %s", (_, way) => {
  it("makes a subscribe `unavailable`, and the next one tries again", async () => {
    const { script, connect, clock, topics, reported } = scene();
    script.acts.subscribe = way;
    const [one, other] = [await connect(), await connect()];
    one.subscribe(withHistory);
    other.subscribe(withHistory);
    await settle();
    clock.advance(5000);
    for (const client of [one, other]) expect(await client.next()).toEqual([{ error: "unavailable" }]);
    expect(reported).toHaveLength(1);
    expect(topics.size("t") + topics.count(one.connection)).toBe(0);
    delete script.acts.subscribe;
    one.subscribe(withHistory);
    expect(await one.next()).toEqual([{ top: 0, after: 0, resumed: false }]);
    expect(script.calls).toEqual(["subscribe t", "unsubscribe t", "subscribe t"]);
  });
});

it("a member that goes before the broker answers leaves nothing", async () => {
  const { script, connect, clock, topics } = scene();
  script.acts.subscribe = never;
  const client = await connect();
  client.subscribe(withHistory);
  client.peer.destroy();
  await settle();
  expect(topics.size("t")).toBe(0);
  clock.advance(10_000);
  await settle();
  expect(clock.pending).toBe(0);
  expect(script.calls).toEqual(["subscribe t", "unsubscribe t"]);
});

describe("a broker that takes time to start", () => {
  it("is asked when it is ready, in order", async () => {
    const script = new ScriptedBroker();
    let ready = (): void => {};
    script.acts.start = () => new Promise((resolve) => (ready = resolve));
    const { connect, topics } = stage({ broker: () => script });
    const client = await connect();
    client.subscribe(withHistory);
    const published = topics.publish("t", withHistory, text(1), {});
    await settle();
    expect(script.calls).toEqual([]);
    ready();
    await published;
    expect(script.calls).toEqual(["subscribe t", "publish t"]);
    expect(await client.next()).toEqual([{ top: 0, after: 0, resumed: false }]);
  });

  it("and fails makes everything `unavailable`", async () => {
    const script = new ScriptedBroker();
    script.acts.start = () => Promise.reject(new Error("no address"));
    const { connect, topics, reported } = stage({ broker: () => script });
    const client = await connect();
    client.subscribe(withHistory);
    expect(await client.next()).toEqual([{ error: "unavailable" }]);
    await expect(topics.publish("t", withHistory, text(1), {})).rejects.toMatchObject({ code: "unavailable" });
    await expect(topics.publish("t", withoutHistory, text(1), {})).resolves.toMatchObject({ delivery: "local-only" });
    expect(String(reported[0])).toContain("no address");
    await topics.close();
  });
});
