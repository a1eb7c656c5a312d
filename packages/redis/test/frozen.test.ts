import { redisMissing, startRedis } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const DOWN_WITHIN_MS = 5000;
const BACK_WITHIN_MS = 1000;

describe.skipIf(missing !== undefined)(`redisBroker and a Redis that freezes${missing === undefined ? "" : ` (${missing})`}`, () => {
  it("is down within 5 s and back within 1 s; without history it never stops here, with history it queues or rejects", { timeout: 30_000 }, async () => {
    const server = await startRedis();
    onTestFinished(() => server.close());
    const [node, other] = await Promise.all([TestNode.start({ url: server.url, queue: { messages: 10 } }), TestNode.start({ url: server.url })]);
    for (const { broker } of [node, other]) {
      await broker.subscribe("plain");
      await broker.subscribe("kept", { history });
    }
    await node.broker.publish("plain", "0");
    await node.broker.publish("kept", "0", { history });

    const frozenAt = performance.now();
    server.stop();
    onTestFinished(() => server.cont());
    // What is published now does not know yet that nothing answers.
    const unaware = node.broker.publish("plain", "1");
    await until("the own members have it", () => node.dataOf("plain").length === 2);
    await until("it is down", () => node.broker.state() === "down", DOWN_WITHIN_MS + 1000);
    expect(performance.now() - frozenAt).toBeLessThan(DOWN_WITHIN_MS);
    expect((await unaware).delivery).toBe("local-only");

    expect(await node.broker.publish("plain", "2")).toEqual({ position: undefined, delivery: "local-only", repeated: false, others: undefined });
    expect(node.dataOf("plain")).toEqual(["0", "1", "2"]);
    expect(await node.broker.publish("plain", "3", { key: "k" })).toMatchObject({ delivery: "local-only", repeated: false });
    expect(await node.broker.publish("plain", "3", { key: "k" })).toMatchObject({ delivery: "local-only", repeated: true });
    await expect(node.broker.subscribe("other", { history })).rejects.toMatchObject({ code: "unavailable", retryable: true });
    await expect(node.broker.history("kept", 0, 10)).rejects.toMatchObject({ code: "unavailable" });
    await node.broker.subscribe("new");

    const waiting = Array.from({ length: 12 }, (_, at) => node.broker.publish("kept", `${at + 1}`, { history }));
    const rejected = await Promise.allSettled(waiting.slice(10));
    for (const result of rejected) expect(result).toMatchObject({ status: "rejected", reason: { code: "unavailable" } });
    expect(node.broker.stats).toMatchObject({ queued: 10, rejected: 2 });

    const backAt = performance.now();
    server.cont();
    await until("both are back", () => [node, other].every(({ broker }) => broker.state() === "up"), BACK_WITHIN_MS + 1000);
    expect(performance.now() - backAt).toBeLessThan(BACK_WITHIN_MS);
    const positions = (await Promise.all(waiting.slice(0, 10))).map(({ position }) => position?.offset);
    expect(positions).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    await until("the other is told", () => other.gaps.includes("plain") && other.tops.get("kept")?.offset === 11);
    expect(await node.broker.publish("plain", "3", { key: "k" })).toMatchObject({ repeated: true });
    expect(await other.broker.publish("plain", "3", { key: "k" })).toMatchObject({ repeated: true });
    await node.broker.publish("new", "x");
    expect(node.dataOf("new")).toEqual(["x"]);
    expect(new Set([...node.gaps, ...other.gaps])).toEqual(new Set(["plain"]));
    expect(node.broker.stats.reconnects).toBe(1);
  });
});
