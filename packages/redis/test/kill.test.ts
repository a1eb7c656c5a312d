import { redisMissing, startRedis } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import { Random } from "../../testing/src/fuzz/random.ts";
import { Follower } from "./support/follower.ts";
import { history, TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const ROUNDS = Number(process.env["UPWIRE_ROUNDS"] ?? 3);
const NODES = 3;
const TOPICS = ["a", "b", "c"];

describe.skipIf(missing !== undefined)(`redisBroker and a Redis that is killed${missing === undefined ? "" : ` (${missing})`}`, () => {
  it(
    "loses, doubles and inverts nothing that was acknowledged, with a log that is always written",
    async () => {
      const server = await startRedis({ appendonly: "always" });
      onTestFinished(() => server.close());
      const random = new Random(15, 0);
      const nodes = await Promise.all(Array.from({ length: NODES }, () => TestNode.start({ url: server.url })));
      const followers = new Map<string, Follower[]>();
      for (const topic of TOPICS) {
        const positions = await Promise.all(nodes.map(({ broker }) => broker.subscribe(topic, { history })));
        followers.set(
          topic,
          nodes.map((node, at) => new Follower(node, topic, positions[at])),
        );
      }
      const publishers = nodes.flatMap((node, at) => TOPICS.map((topic) => new Publisher(node, topic, `${at}`)));
      const running = publishers.map((publisher) => publisher.run());
      const acknowledged = (): number => publishers.reduce((sum, publisher) => sum + publisher.acknowledged.length, 0);
      for (let round = 0; round < ROUNDS; round++) {
        const before = acknowledged();
        await until("publishing goes on", () => acknowledged() > before + 300 + random.below(500));
        await server.kill9();
        // Each node notices; then it comes back at any moment.
        await until("all are down", () => nodes.every(({ broker }) => broker.state() === "down"));
        const downAt = performance.now() + random.below(400);
        await until("it is away for a while", () => performance.now() > downAt);
        await server.restart();
        await until("all are up", () => nodes.every(({ broker }) => broker.state() === "up"));
      }
      const before = acknowledged();
      await until("publishing goes on", () => acknowledged() > before + 300);
      for (const publisher of publishers) publisher.stop();
      await Promise.all(running);

      for (const topic of TOPICS) {
        const sent = publishers.filter((publisher) => publisher.topic === topic);
        const newest = sent.map((publisher) => publisher.acknowledged.at(-1) ?? "");
        for (const follower of followers.get(topic) ?? []) {
          await until(`all of ${topic} has come`, () => newest.every((data) => follower.delivered.includes(data)));
          expect({ restarts: follower.restarts, missed: follower.missed }).toEqual({ restarts: 0, missed: 0 });
          expect(new Set(follower.delivered).size, "nothing comes twice").toBe(follower.delivered.length);
          for (const publisher of sent) {
            const mine = follower.delivered.filter((data) => data.startsWith(`${publisher.name} `));
            const delivered = new Set(mine);
            expect(
              publisher.acknowledged.filter((data) => !delivered.has(data)),
              "nothing acknowledged is lost",
            ).toEqual([]);
            const numbers = mine.map((data) => Number(data.split(" ")[1]));
            expect(numbers, "nothing is inverted").toEqual(numbers.toSorted((a, b) => a - b));
          }
        }
      }
      expect(acknowledged()).toBeGreaterThan(ROUNDS * 300);
    },
    20_000 + ROUNDS * 10_000,
  );
});

/** Publishes numbered texts, up to 20 at a time. Those with even numbers have keys, and are told again when the answer was lost. */
class Publisher {
  readonly topic: string;
  readonly name: string;
  readonly acknowledged: string[] = [];
  readonly #node: TestNode;
  #isRunning = true;

  constructor(node: TestNode, topic: string, name: string) {
    this.#node = node;
    this.topic = topic;
    this.name = `${name}${topic}`;
  }

  stop(): void {
    this.#isRunning = false;
  }

  async run(): Promise<void> {
    let number = 0;
    const line = async (): Promise<void> => {
      while (this.#isRunning) {
        const data = `${this.name} ${++number}`;
        const key = number % 2 === 0 ? { key: data } : {};
        try {
          await this.#node.broker.publish(this.topic, data, { history, ...key });
          this.acknowledged.push(data);
        } catch {
          // It may have taken effect or not.
          await this.#node.whenUp();
        }
      }
    };
    await Promise.all(Array.from({ length: 20 }, line));
  }
}
