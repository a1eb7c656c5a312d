import { RealtimeError } from "@upwire/protocol";
import { describe, expect, it } from "vitest";
import type { TopicConfig } from "../../src/topics/setup.ts";
import { ScriptedBroker, never } from "./scripted-broker.ts";
import { settle, stage, text, withHistory, withoutHistory, type Client, type Stage } from "./stage.ts";

interface Scene extends Stage {
  readonly script: ScriptedBroker;
  readonly client: Client;
  /** Publishes for the client, and queues its reply. */
  readonly send: (config: TopicConfig, payload: unknown, key?: string) => Promise<unknown>;
}

/** A subscribed client that publishes. */
async function scene(config: TopicConfig): Promise<Scene> {
  const script = new ScriptedBroker();
  const staged = stage({ broker: () => script });
  const client = await staged.connect();
  client.subscribe(config);
  await client.next();
  const send = (of: TopicConfig, payload: unknown, key?: string): Promise<unknown> =>
    staged.topics
      .publish("t", of, text(payload), {
        key,
        publisher: client.connection,
        onPosition: (position) => void client.connection.send(JSON.stringify({ re: { offset: position?.offset } }), { mustArrive: true }),
      })
      .catch((error: unknown) => (error instanceof RealtimeError ? error.code : error));
  return { ...staged, script, client, send };
}

describe("a publisher gets its own publication after the reply", () => {
  it("when the broker tells it within the publish", async () => {
    const { script, client, send } = await scene(withHistory);
    script.acts.publish = async (done) => {
      const result = done();
      script.say(1);
      return result;
    };
    void send(withHistory, "mine");
    expect(await client.next()).toEqual([{ offset: 1 }, '1="mine"']);
  });

  it("when the answer comes before it", async () => {
    const { script, client, send } = await scene(withHistory);
    await send(withHistory, "mine");
    script.say(1);
    expect(await client.next()).toEqual([{ offset: 1 }, '1="mine"']);
  });

  it("when it is held, since an earlier one did not come yet", async () => {
    const { script, client, send } = await scene(withHistory);
    script.acts.history = never;
    script.keep("other");
    await send(withHistory, "mine");
    script.say(2, 1);
    expect(await client.next()).toEqual([{ offset: 2 }, '1="other"', '2="mine"']);
  });

  it("when it was lost on its way here, and comes with a page of the history, while others do not wait", async () => {
    const { script, client, send, connect } = await scene(withHistory);
    const other = await connect();
    other.subscribe(withHistory);
    await other.next();
    let answer = (): void => {};
    script.acts.publish = (done) => {
      const result = done();
      return new Promise((resolve) => (answer = () => resolve(result)));
    };
    void send(withHistory, "mine");
    script.keep("other");
    script.say(2);
    expect(await other.next()).toEqual(['1="mine"', '2="other"']);
    expect(await client.next()).toEqual([]);
    answer();
    expect(await client.next()).toEqual([{ offset: 1 }, '1="mine"', '2="other"']);
    script.keep("live");
    script.say(3);
    expect(await client.next()).toEqual(['3="live"']);
  });

  it("when it never is answered: then the publication comes after the error", async () => {
    const { script, client, send, clock } = await scene(withHistory);
    script.acts.publish = (done) => {
      done();
      return never();
    };
    const sent = send(withHistory, "mine");
    script.tellTop();
    expect(await client.next()).toEqual([]);
    clock.advance(5000);
    expect(await sent).toBe("unavailable");
    expect(await client.next()).toEqual(['1="mine"']);
  });
});

it("fulfils when the publication was seen, though the broker fails or never answers", async () => {
  const { script, topics, clock } = await scene(withHistory);
  for (const answer of [() => Promise.reject(new RealtimeError("unavailable")), never]) {
    script.acts.publish = (done) => {
      const result = done();
      script.say(script.data.length);
      void result;
      return answer();
    };
    let told = 0;
    const published = topics.publish("t", withHistory, text(1), { onPosition: () => void told++ });
    await settle();
    clock.advance(5000);
    expect(await published).toEqual({ position: { epoch: "epoch-1", offset: script.data.length }, delivery: "cluster", repeated: false });
    expect(told).toBe(1);
  }
});

it("rejects with `unavailable` when the broker fails in whatever way, and reports what is no answer of a broker", async () => {
  const { script, topics, reported } = await scene(withHistory);
  const fault = new Error("a fault");
  const ways = [
    () => Promise.reject(new RealtimeError("unavailable", "down")),
    () => Promise.reject(fault),
    () => {
      throw fault;
    },
  ];
  let told = 0;
  for (const way of ways) {
    script.acts.publish = way;
    await expect(topics.publish("t", withHistory, text(1), { onPosition: () => void told++ })).rejects.toMatchObject({ code: "unavailable", retryable: true });
  }
  expect(told).toBe(0);
  expect(reported).toEqual([fault, fault]);
});

it("has one timer for all that are not answered, and none afterwards", async () => {
  const { script, topics, clock } = await scene(withHistory);
  script.acts.publish = never;
  const all = Array.from({ length: 5 }, () => topics.publish("t", withHistory, text(1), {}).catch((error: RealtimeError) => error.code));
  expect(clock.pending).toBe(1);
  clock.advance(5000);
  expect(await Promise.all(all)).toEqual(Array.from({ length: 5 }, () => "unavailable"));
  expect(clock.pending).toBe(0);
});

it("refuses except and conflate on a topic with history", async () => {
  const { topics, client } = await scene(withHistory);
  await expect(topics.publish("t", withHistory, text(1), { except: client.connection })).rejects.toThrow(TypeError);
  await expect(topics.publish("t", withHistory, text(1), { conflate: "key" })).rejects.toThrow(TypeError);
});

describe("without history", () => {
  it("the members here get it at once, after the reply, and not again when the broker gives it back", async () => {
    const { script, client, send, topics } = await scene(withoutHistory);
    let origin: string | undefined;
    const publish = script.publish.bind(script);
    script.publish = (topic, data, options) => {
      origin = options?.origin;
      return publish(topic, data, options);
    };
    const sent = send(withoutHistory, 1);
    expect(await client.next()).toEqual([{}, 1]);
    expect(await sent).toEqual({ position: undefined, delivery: "cluster", repeated: false });
    script.sink.message("t", { data: text(1), position: undefined, origin });
    script.sink.message("t", { data: text(2), position: undefined, origin: "another" });
    expect(await client.next()).toEqual([2]);
    expect(topics.size("t")).toBe(1);
  });

  it("is `local-only` when the broker fails or never answers", async () => {
    const { script, topics, client, clock } = await scene(withoutHistory);
    for (const way of [() => Promise.reject(new RealtimeError("unavailable")), never]) {
      script.acts.publish = way;
      const published = topics.publish("t", withoutHistory, text(1), {});
      await settle();
      clock.advance(5000);
      expect(await published).toMatchObject({ delivery: "local-only" });
      expect(await client.next()).toEqual([1]);
    }
  });

  it("asks no broker that reaches this process only", async () => {
    const { script, topics, client } = await scene(withoutHistory);
    script.capabilities = { ...script.capabilities, reach: "process" };
    script.calls.length = 0;
    await topics.publish("t", withoutHistory, text(1), {});
    expect(script.calls).toEqual([]);
    expect(await client.next()).toEqual([1]);
  });

  it("with a key it goes through the broker first, and a repeated one to nobody", async () => {
    const { script, client, send } = await scene(withoutHistory);
    await send(withoutHistory, 1, "key");
    expect(await client.next()).toEqual([{}, 1]);
    script.acts.publish = () => Promise.resolve({ position: undefined, delivery: "cluster", repeated: true, others: undefined });
    await send(withoutHistory, 1, "key");
    expect(await client.next()).toEqual([{}]);
  });

  it("with a key it is delivered once, when the broker tells of it before it answers, and again after it", async () => {
    const { script, client, topics } = await scene(withoutHistory);
    const publish = script.publish.bind(script);
    script.publish = async (topic, data, options) => {
      const tell = (): void => script.sink.message("t", { data, position: undefined, origin: options?.origin });
      tell();
      const result = await publish(topic, data, options);
      setImmediate(tell);
      return result;
    };
    await topics.publish("t", withoutHistory, text(1), { key: "key" });
    expect(await client.next()).toEqual([1]);
  });

  it("with a key whose answer is too late it still is delivered, once, and the publisher has its error", async () => {
    const { script, client, send, clock } = await scene(withoutHistory);
    let answer = (): void => {};
    script.acts.publish = (done) => new Promise((resolve) => (answer = () => resolve(done())));
    const sent = send(withoutHistory, 1, "key");
    await settle();
    clock.advance(5000);
    expect(await sent).toBe("unavailable");
    expect(await client.next()).toEqual([]);
    answer();
    expect(await client.next()).toEqual([1]);
  });
});
