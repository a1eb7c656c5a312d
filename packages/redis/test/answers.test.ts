import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { Names } from "../src/data/names.ts";
import { RedisReplyError, RedisUnavailableError } from "../src/driver/driver.ts";
import { startData } from "./support/test-data.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const names = new Names("upwire");
let server: RedisServer;

beforeAll(async () => {
  if (missing === undefined) server = await startRedis();
});
afterAll(() => server?.close());

describe.skipIf(missing !== undefined)(`redisBroker and what Redis answers${missing === undefined ? "" : ` (${missing})`}`, () => {
  beforeEach(() => server.cli("FLUSHALL"));

  const passing = [
    "LOADING Redis is loading the dataset in memory",
    "BUSY Redis is busy running a script",
    "READONLY You can't write",
    "MOVED 1 127.0.0.1:1",
    "TRYAGAIN x",
    "CLUSTERDOWN x",
    "NOSCRIPT x",
  ];
  for (const answer of passing) {
    it(`tries again in its place after ${answer.split(" ")[0]}`, async () => {
      const { data, driver } = await startData(server.url);
      driver.answers.push(new RedisReplyError(answer));
      const results = await Promise.all(["1", "2", "3"].map((text) => data.publish("a", text, { history })));
      expect(results.map(({ position }) => position?.offset)).toEqual([1, 2, 3]);
      expect((await data.history("a", 0, 10)).publications.map(({ data: kept }) => kept)).toEqual(["1", "2", "3"]);
    });
  }

  const lasting = [
    ["OOM command not allowed when used memory > 'maxmemory'.", "raise `maxmemory`"],
    ["WRONGTYPE Operation against a key holding the wrong kind of value", "give the broker a `prefix` of its own"],
    ["NOPERM this user has no permissions", "allow the user"],
    ["MISCONF Redis is configured to save RDB snapshots", "cannot write to its disk"],
    ["ERR something new", "ERR something new"],
  ] as const;
  for (const [answer, advice] of lasting) {
    it(`rejects clearly after ${answer.split(" ")[0]}, and what follows is not held up`, async () => {
      const { data, driver, counts } = await startData(server.url);
      driver.answers.push(new RedisReplyError(answer));
      const failing = data.publish("a", "1", { history });
      await expect(failing).rejects.toMatchObject({ code: "unavailable", retryable: true });
      await expect(failing).rejects.toThrow(advice);
      expect((await data.publish("a", "2", { history })).position?.offset).toBe(1);
      expect(counts.rejected).toBe(1);
      expect(data.queued).toEqual({ count: 0, bytes: 0 });
    });
  }

  it("publishes what has a key once, and rejects what has none, when the answer is lost", async () => {
    const { data, driver } = await startData(server.url);
    driver.answers.push("done");
    const results = await Promise.allSettled([
      data.publish("a", "1", { history, key: "k1" }),
      data.publish("a", "2", { history }),
      data.publish("a", "3", { history, key: "k3" }),
    ]);
    expect(results).toMatchObject([
      { status: "fulfilled", value: { position: { offset: 1 } } },
      { status: "rejected", reason: { code: "unavailable" } },
      { status: "fulfilled", value: { position: { offset: 3 } } },
    ]);
    expect((await data.history("a", 0, 10)).publications.map(({ data: kept }) => kept)).toEqual(["1", "2", "3"]);
  });

  const odd = [null, 5, [], [1, 2, 3], Buffer.from("OK"), [Buffer.from("epoch-of-it"), Buffer.from("run"), 1, 7, 0, []]];
  for (const [at, answer] of odd.entries()) {
    it(`takes an answer that is none for a lost one (${at})`, async () => {
      const { data, driver } = await startData(server.url);
      driver.answers.push(answer);
      await expect(data.publish("a", "1", { history })).rejects.toMatchObject({ code: "unavailable" });
      driver.answers.push(answer);
      expect((await data.publish("a", "2", { history, key: "k" })).repeated).toBe(false);
      for (const call of [() => data.history("a", 0, 10), () => data.subscribe("b", { history }), () => data.publish("c", "x", { key: "k" })]) {
        driver.answers.push(at === odd.length - 1 ? null : answer);
        await expect(call()).rejects.toMatchObject({ code: "unavailable" });
      }
      expect((await data.history("a", 0, 10)).publications.map(({ data: kept }) => kept)).toEqual(["2"]);
      expect(data.queued).toEqual({ count: 0, bytes: 0 });
    });
  }

  it("rejects at a close what has a key and is under way", async () => {
    const { data, driver } = await startData(server.url);
    for (const answer of ["done", new RedisUnavailableError("not connected", { maybeDone: false })] as const) {
      driver.answers.push(answer);
      const failing = data.publish("a", "1", { history, key: "k" });
      await new Promise((resolve) => setImmediate(resolve));
      data.close();
      await expect(failing).rejects.toMatchObject({ code: "unavailable" });
      expect(data.queued).toEqual({ count: 0, bytes: 0 });
      data.state("up");
    }
  });

  it("lets no more wait for an answer than it may hold, with a key and without history too", async () => {
    const { data } = await startData(server.url, { upBytes: 1000 });
    const results = await Promise.allSettled(["1", "2"].map((key) => data.publish("a", "x".repeat(600), { key })));
    expect(results.map(({ status }) => status)).toEqual(["fulfilled", "rejected"]);
    expect((await data.publish("a", "y", { key: "2" })).repeated).toBe(false);
  });

  it("refuses what it cannot publish, and others of the same turn get through", async () => {
    const { data } = await startData(server.url);
    const wrong = [5, undefined, null, {}].map((text) => data.publish("a", text as never, {}));
    const keyMs = [Number.NaN, Infinity, 0, -1, "1"].map((ms) => data.publish("a", "x", { history, key: "k", keyMs: ms as never }));
    const noTopics = [undefined, 5, null].flatMap((topic) => [data.publish(topic as never, "x", {}), data.subscribe(topic as never, {})]);
    const right = data.publish("a", "x", {});
    for (const failing of [...wrong, ...keyMs, ...noTopics]) await expect(failing).rejects.toThrow(RangeError);
    expect((await right).delivery).toBe("cluster");
    expect((await data.history("a", 0, 10)).top).toBe(0);
  });

  it("tries again, in order, what was surely not sent", async () => {
    const { data, driver } = await startData(server.url);
    driver.answers.push(new RedisUnavailableError("not connected", { maybeDone: false }));
    const results = await Promise.all(["1", "2"].map((text) => data.publish("a", text, { history })));
    expect(results.map(({ position }) => position?.offset)).toEqual([1, 2]);
  });

  it("delivers on this node alone what has no history, says so, and reports the reason once", async () => {
    const { data, driver, messages, reports } = await startData(server.url);
    await data.subscribe("a", {});
    const answers = [new RedisReplyError("NOPERM no permission for this channel"), new RedisUnavailableError("gone", { maybeDone: true })];
    for (const answer of answers) {
      driver.answers.push(answer);
      expect((await data.publish("a", "x", {})).delivery).toBe("local-only");
    }
    expect(messages.map(({ data: told }) => told)).toEqual(["x", "x"]);
    expect(reports).toHaveLength(1);
    expect(reports[0]).toContain("NOPERM");
  });

  it("rejects what has a key and no history when nobody knows whether it was published, and publishes it once when asked again", async () => {
    const { data, driver, messages } = await startData(server.url);
    await data.subscribe("a", {});
    driver.answers.push("done");
    await expect(data.publish("a", "x", { key: "k" })).rejects.toMatchObject({ code: "unavailable" });
    expect((await data.publish("a", "x", { key: "k" })).repeated).toBe(true);
    await until("the own member has it", () => messages.length > 0);
    expect(messages.map(({ data: told }) => told)).toEqual(["x"]);
  });

  it("rejects what needs a key of the wrong type, and works again without it", async () => {
    const node = await TestNode.start({ url: server.url });
    for (const name of [names.meta("a"), names.stream("a"), names.key("a", "k")]) {
      await server.cli("DEL", names.meta("a"), names.stream("a"));
      await node.broker.publish("a", "before", { history });
      const before = await node.broker.history("a", 0, 10);
      await server.cli("DEL", name);
      await server.cli("LPUSH", name, "of another program");
      const failing = node.broker.publish("a", "x", { history, key: "k" });
      await expect(failing).rejects.toThrow("WRONGTYPE");
      await expect(failing).rejects.toMatchObject({ code: "unavailable" });
      await server.cli("DEL", name);
      expect((await node.broker.publish("a", "y", { history })).position?.offset).toBeGreaterThan(0);
      if (name === names.key("a", "k")) expect((await node.broker.history("a", 0, 10)).top).toBe(before.top + 1);
    }
  });

  it("has all of a batch in the history or nothing, when a script fails before it has written", async () => {
    const node = await TestNode.start({ url: server.url });
    await node.broker.publish("a", "1", { history });
    await server.cli("CONFIG", "SET", "maxmemory", 1);
    await expect(Promise.all(["2", "3"].map((text) => node.broker.publish("a", text, { history })))).rejects.toThrow("OOM");
    expect((await node.broker.publish("plain", "x")).delivery).toBe("cluster");
    await server.cli("CONFIG", "SET", "maxmemory", 0);
    expect(await node.broker.history("a", 0, 10)).toMatchObject({ top: 1, publications: [{ offset: 1, data: "1" }] });
    expect((await node.broker.publish("a", "4", { history })).position?.offset).toBe(2);
  });

  // The user loses the right to the channel: the script has written by then, and cannot publish.
  it("shows by the top what a script has kept and could not publish", async () => {
    await server.cli("ACL", "SETUSER", "half", "on", ">secret", "~*", "&*", "+@all");
    const node = await TestNode.start({ url: `redis://half:secret@127.0.0.1:${server.port}` });
    const other = await TestNode.start({ url: server.url });
    await other.broker.subscribe("a", { history });
    await node.broker.publish("a", "1", { history });
    await server.cli("ACL", "SETUSER", "half", "-publish");
    await expect(node.broker.publish("a", "2", { history })).rejects.toThrow(/Redis answered ".*can't run this command/);
    await server.cli("ACL", "SETUSER", "half", "+publish");
    const { position } = await node.broker.publish("a", "3", { history });
    await until("the other is told", () => other.tops.get("a")?.offset === position?.offset);
    const { publications } = await other.broker.history("a", 0, 10);
    expect(publications.map(({ offset }) => offset)).toEqual(publications.map((_, at) => at + 1));
    expect(publications.at(-1)?.data).toBe("3");
    await server.cli("ACL", "DELUSER", "half");
  });

  it("counts what is not ours on its channels, and delivers the rest", async () => {
    const node = await TestNode.start({ url: server.url });
    await node.broker.subscribe("a");
    await node.broker.subscribe("kept", { history });
    const foreign = ["hello", "", "{}", "uw", "uw\u0001\u0001", "uw\u0002\u0001"];
    for (const text of foreign) for (const topic of ["a", "kept"]) await server.cli("PUBLISH", names.channel(topic), text);
    await server.cli("PUBLISH", names.repeats, "hello");
    await node.broker.publish("a", "x");
    await node.broker.publish("kept", "y", { history });
    await until("all has come", () => node.broker.stats.foreign === 2 * foreign.length + 1);
    expect(node.messages.map(({ data }) => data)).toEqual(["x", "y"]);
  });

  it("waits for a server that runs a long script", async () => {
    const own = await startRedis({ args: ["--busy-reply-threshold", "50"] });
    onTestFinished(() => own.close());
    const node = await TestNode.start({ url: own.url });
    await node.broker.publish("a", "1", { history });
    const busy = own.cli("EVAL", "while true do end", 0).catch(() => {});
    await until("it is busy", () =>
      own.cli("PING").then(
        () => false,
        () => true,
      ),
    );
    const waiting = node.broker.publish("a", "2", { history });
    await own.cli("SCRIPT", "KILL");
    await busy;
    expect((await waiting).position?.offset).toBe(2);
  });

  it("is one round trip for all that a turn publishes, bounded by bytes for each call", async () => {
    const { data, driver } = await startData(server.url, { batchBytes: 10_000 });
    driver.trips.length = 0;
    await Promise.all([
      ...Array.from({ length: 100 }, (_, at) => data.publish("a", `${at}`, {})),
      ...Array.from({ length: 100 }, (_, at) => data.publish("b", `${at}`, {})),
    ]);
    expect(driver.trips.map((calls) => calls.length)).toEqual([2]);
    driver.trips.length = 0;
    await Promise.all(["a", "b", "c"].flatMap((topic) => Array.from({ length: 50 }, (_, at) => data.publish(topic, `${at}`, { history }))));
    expect(driver.trips.map((calls) => calls.length)).toEqual([3]);
    driver.trips.length = 0;
    await Promise.all(Array.from({ length: 100 }, () => data.publish("a", "x".repeat(1000), {})));
    await Promise.all(Array.from({ length: 100 }, () => data.publish("a", "x".repeat(1000), { history })));
    const sizes = driver.trips.flat();
    expect(sizes.length).toBeGreaterThanOrEqual(20);
    expect(Math.max(...sizes)).toBeLessThan(11_000);
    driver.trips.length = 0;
    await data.publish("a", "x".repeat(1_000_000), { history });
    expect(driver.trips).toHaveLength(1);
  });

  it("gives up what has waited too long, and keeps what has not", async () => {
    const { data, driver } = await startData(server.url, { ageMs: 300 });
    for (let times = 0; times < 50; times++) driver.answers.push(new RedisReplyError("LOADING Redis is loading"));
    await expect(data.publish("a", "1", { history })).rejects.toMatchObject({ code: "unavailable" });
    driver.answers.length = 0;
    expect((await data.publish("a", "2", { history })).position?.offset).toBe(1);
  });
});
