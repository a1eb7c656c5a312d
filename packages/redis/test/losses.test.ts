import { FaultProxy } from "@upwire/testing";
import { redisMissing, startRedis } from "@upwire/testing/redis";
import { describe, expect, it, onTestFinished } from "vitest";
import type { PublishResult } from "@upwire/cluster/broker";
import { Random } from "../../testing/src/fuzz/random.ts";
import { Heartbeats } from "./support/heartbeats.ts";
import { TestNode, until } from "./support/test-node.ts";

const missing = redisMissing();
const ROUNDS = Number(process.env["UPWIRE_ROUNDS"] ?? 2);
const TOPICS = ["a", "b", "quiet"];
/** Publications of one publisher that no other node can hear, in each round. */
const ENOUGH = 30;
/**
 * So long after Redis is back nothing is waited for any more. A node that is cut off again before may count as ended, and its losses are
 * told for sure: once too often rather than too late. Milliseconds.
 */
const SETTLED_MS = 4500;
/** How soon a loss must be told. Milliseconds. */
const TOLD_WITHIN_MS = 5000;

describe.skipIf(missing !== undefined)(`redisBroker without history${missing === undefined ? "" : ` (${missing})`}`, () => {
  it(
    "tells each loss by a gap within 5 s, and no more than was lost, though Redis is killed and nodes are cut off",
    { timeout: 30_000 + ROUNDS * 20_000 },
    async () => {
      const server = await startRedis();
      onTestFinished(() => server.close());
      const proxy = await FaultProxy.listen({ port: server.port });
      onTestFinished(() => proxy.close());
      const random = new Random(15, 1);
      const urls = [server.url, server.url, `redis://127.0.0.1:${proxy.port}`];
      const nodes = await Promise.all(urls.map((url) => TestNode.start({ url })));
      const logs = nodes.flatMap((node) => TOPICS.map((topic) => new Log(node, topic)));
      await Promise.all(nodes.flatMap(({ broker }) => TOPICS.map((topic) => broker.subscribe(topic))));
      const publishers = nodes.flatMap((node, at) => ["a", "b"].map((topic) => new Publisher(node, topic, `${at}`)));
      const areUp = (): boolean => nodes.every(({ broker }) => broker.state() === "up");

      let upAt = -Infinity;
      for (let round = 0; round < ROUNDS; round++) {
        const running = publishers.map((publisher) => publisher.run());
        await until("publishing goes on", () => publishers.every(({ inRound }) => inRound > 100 + random.below(200)));
        await until("what the last round has cut is settled", () => performance.now() - upAt > SETTLED_MS);
        if (round % 2 === 0) {
          await server.kill9();
          await until("all are down", () => nodes.every(({ broker }) => broker.state() === "down"));
          await until("they publish on", () => publishers.every(({ localOnly }) => localOnly > 20));
          await server.restart();
        } else {
          proxy.set({ toServer: { isCut: true }, toClient: { isCut: true } });
          await until("one is down", () => nodes[2]?.broker.state() === "down");
          proxy.set({ toServer: { isCut: false }, toClient: { isCut: false } });
        }
        // Some stop while Redis is away, so that what they lost last is followed by nothing.
        for (const publisher of publishers) if (random.once(2)) publisher.stop();
        await until("all are up", areUp);
        upAt = performance.now();
        await until("they publish on", () => publishers.every((publisher) => !publisher.isRunning || publisher.clusterWide > publisher.atLast + 50));
        for (const publisher of publishers) publisher.stop();
        await Promise.all(running);
        const untold = (): Log[] => logs.filter((log) => publishers.some((publisher) => log.lossesOf(publisher).untold > 0));
        await until("every loss is told", () => untold().length === 0, TOLD_WITHIN_MS).catch((error: unknown) => {
          const stories = untold().map((log) => `node ${nodes.indexOf(log.node)}, topic ${log.topic}: ${log.story.join("; ")}`);
          const sent = publishers.map(({ name, published }) => `${name}=${published}`);
          throw new Error(`round ${round}: a loss was not told\n${stories.join("\n")}\npublished: ${sent.join(" ")}`, { cause: error });
        });
      }
      // What was not lost is not told: neither now nor by a heartbeat that is still to come. Each number is repeated twice.
      const beats = await Heartbeats.listen(server.port, ["a", "b"]);
      onTestFinished(() => beats.close());
      for (const publisher of publishers) await publisher.publish();
      await until("all heartbeats have come", () => nodes.every(({ broker }) => ["a", "b"].every((topic) => beats.of(broker.node, topic) >= 2)));
      expect(logs.flatMap(({ wrong }) => [...wrong])).toEqual([]);
      for (const log of logs) {
        const runs = publishers.reduce((sum, publisher) => sum + log.lossesOf(publisher).all, 0);
        expect(log.gaps, `gaps of ${log.topic}, where ${runs} things were lost: ${log.story.join("; ")}`).toBeLessThanOrEqual(runs);
      }
      expect(
        logs.reduce((sum, { gaps }) => sum + gaps, 0),
        "something was lost at all",
      ).toBeGreaterThan(0);
      expect(logs.filter(({ topic }) => topic === "quiet").every(({ gaps }) => gaps === 0)).toBe(true);
    },
  );
});

/** What one node was told of one topic, and what was missing. */
class Log {
  readonly topic: string;
  readonly node: TestNode;
  readonly #sources = new Map<string, Source>();
  /** What was missing and what was told, for a failure. */
  readonly story: string[] = [];
  gaps = 0;
  /** What came twice, out of order, or not though the node itself published it. */
  readonly wrong = new Set<string>();

  constructor(node: TestNode, topic: string) {
    this.node = node;
    this.topic = topic;
    node.on({
      message: (of, { data }) => {
        if (of === topic) this.#message(String(data));
      },
      gap: (of) => {
        if (of !== topic) return;
        this.gaps++;
        for (const source of this.#sources.values()) source.hadGap = true;
        this.story.push(`gap after ${[...this.#sources].map(([from, { last }]) => `${from}=${last}`).join(" ")}`);
      },
    });
  }

  /** How many losses there were, those in a row as one, and how many of them no gap has told before the next publication. */
  lossesOf({ topic, name, published, node }: Publisher): { readonly all: number; readonly untold: number } {
    if (topic !== this.topic) return { all: 0, untold: 0 };
    const { last, hadGap, losses, untold } = this.#source(name);
    const isBehind = last < published;
    if (node === this.node && isBehind) this.wrong.add(`a node has not got its own: ${name} ${last}, of ${published}`);
    return { all: losses + (isBehind ? 1 : 0), untold: untold + (isBehind && !hadGap ? 1 : 0) };
  }

  #message(data: string): void {
    const [from = "", text] = data.split(" ");
    const number = Number(text);
    const source = this.#source(from);
    if (number <= source.last) this.wrong.add(`${data} after ${source.last}`);
    if (number > source.last + 1) {
      source.losses++;
      if (!source.hadGap) source.untold++;
      this.story.push(`${data} after ${source.last}`);
    }
    source.last = number;
    source.hadGap = false;
  }

  #source(from: string): Source {
    let source = this.#sources.get(from);
    if (source === undefined) this.#sources.set(from, (source = { last: 0, hadGap: false, losses: 0, untold: 0 }));
    return source;
  }
}

interface Source {
  last: number;
  hadGap: boolean;
  losses: number;
  untold: number;
}

class Publisher {
  readonly topic: string;
  readonly name: string;
  readonly node: TestNode;
  published = 0;
  inRound = 0;
  localOnly = 0;
  clusterWide = 0;
  atLast = 0;
  isRunning = false;

  constructor(node: TestNode, topic: string, name: string) {
    this.node = node;
    this.topic = topic;
    this.name = `${name}${topic}`;
  }

  stop(): void {
    this.isRunning = false;
  }

  publish(): Promise<PublishResult> {
    return this.node.broker.publish(this.topic, `${this.name} ${++this.published}`);
  }

  async run(): Promise<void> {
    this.isRunning = true;
    this.inRound = 0;
    this.localOnly = 0;
    while (this.isRunning) {
      const results = await Promise.all(Array.from({ length: 3 }, () => this.publish()));
      this.inRound += results.length;
      for (const { delivery } of results) {
        if (delivery === "cluster") this.clusterWide++;
        else {
          this.localOnly++;
          this.atLast = this.clusterWide;
        }
      }
      // So many are enough while Redis is away, when nothing has to be waited for.
      if (this.localOnly > ENOUGH) await this.node.whenUp();
    }
  }
}
