import { redisMissing } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { Random } from "../../testing/src/fuzz/random.ts";
import { expectNoneUnhandled } from "./driver/started.ts";
import { byHand, bySentinel, clusterClients, inCluster, singleClients, type Failover } from "./support/failovers.ts";
import { Follower } from "./support/follower.ts";
import { Ledger, Publisher } from "./support/publishers.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const ROUNDS = Number(process.env["UPWIRE_ROUNDS"] ?? 2);
const TOPICS = ["a", "b", "c", "d"];

const places: Readonly<Record<string, () => Promise<Failover>>> = {
  "a name that leads to the new master, ioredis": () => byHand(singleClients.ioredis),
  "a name that leads to the new master, node-redis": () => byHand(singleClients["node-redis"]),
  "a Sentinel, ioredis": () => bySentinel(),
  "a Cluster and kill -9, ioredis": () => inCluster(clusterClients.ioredis, "kill -9"),
  "a Cluster and kill -9, node-redis": () => inCluster(clusterClients["node-redis"], "kill -9"),
  "a Cluster and CLUSTER FAILOVER, ioredis": () => inCluster(clusterClients.ioredis, "CLUSTER FAILOVER"),
  "a Cluster and CLUSTER FAILOVER, node-redis": () => inCluster(clusterClients["node-redis"], "CLUSTER FAILOVER"),
};

describe.skipIf(missing !== undefined)(`redisBroker when a replica takes over${missing === undefined ? "" : ` (${missing})`}`, () => {
  expectNoneUnhandled();

  it.each(Object.entries(places))("gives no offset twice, and tells each what is lost: %s", { timeout: 60_000 + ROUNDS * 40_000 }, async (_, start) => {
    const place = await start();
    onTestFinished(() => place.close());
    const random = new Random(15, 2);
    const nodes = await Promise.all([0, 1].map(() => TestNode.start({ client: place.client() })));
    const [plain] = nodes;
    if (plain === undefined) throw new Error("there are no nodes");
    const ledger = new Ledger();
    const followers: (readonly [topic: string, node: TestNode, follower: Follower])[] = [];
    for (const topic of TOPICS) {
      for (const node of nodes) followers.push([topic, node, new Follower(node, topic, await node.broker.subscribe(topic, { history }))]);
    }
    for (const { broker } of nodes) await broker.subscribe("plain");
    const publishers = nodes.flatMap((node, at) => TOPICS.map((topic) => new Publisher(node, topic, { name: `${at}`, atOnce: 5, ledger })));
    const running = publishers.map((publisher) => publisher.run());
    for (let round = 0; round < ROUNDS; round++) {
      await until("publishing goes on", ledger.more(100 + random.below(300)), 20_000);
      await place.fail(TOPICS[round % TOPICS.length] ?? "");
      await until("all are up", () => nodes.every(({ broker }) => broker.state() === "up"), 20_000);
      // A node hears what the other one publishes: it listens where that publishes.
      const text = `plain ${round}`;
      await until("the new master is heard", async () => {
        await plain.broker.publish("plain", text);
        return nodes.every((node) => node.dataOf("plain").includes(text));
      });
    }
    await until("publishing goes on", ledger.more(200), 20_000);
    for (const publisher of publishers) publisher.stop();
    await Promise.all(running);

    expect(ledger.twice, "an acknowledged offset is that of one publication").toEqual([]);
    for (const topic of TOPICS) {
      const { position } = await plain.broker.publish(topic, "the last", { history });
      await until(`all know the newest of ${topic}`, () =>
        nodes.every(({ tops }) => tops.get(topic)?.epoch === position?.epoch && tops.get(topic)?.offset === position?.offset),
      );
      const { epoch, first, kept } = await wholeHistory(plain, topic);
      expect(
        kept.filter((text, at) => kept.indexOf(text) !== at),
        "nothing is kept twice",
      ).toEqual([]);
      const wrong = ledger.of(topic, epoch).filter(({ offset, text }) => kept[offset - first] !== text);
      expect(wrong, "what was acknowledged in this epoch is there").toEqual([]);
    }
    for (const [topic, , follower] of followers) {
      expect(new Set(follower.delivered).size, `nothing of ${topic} comes twice`).toBe(follower.delivered.length);
      expect(follower.missed).toBe(0);
    }
  });
});

/** A page has 1 MiB, which a fast machine publishes more than. */
async function wholeHistory(
  { broker }: TestNode,
  topic: string,
): Promise<{ readonly epoch: string; readonly first: number; readonly kept: readonly string[] }> {
  const kept: string[] = [];
  const { epoch, top, first } = await broker.history(topic, 0, 1);
  for (let after = first - 1; after < top;) {
    const { publications } = await broker.history(topic, after, 100_000);
    for (const { data } of publications) kept.push(String(data));
    after = publications.at(-1)?.offset ?? top;
  }
  return { epoch, first, kept };
}
