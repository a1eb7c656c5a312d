import { meshBroker } from "@upwire/cluster/mesh";
import type { Broker } from "@upwire/cluster/broker";
import { Follower } from "./follower.ts";
import type { Order, Report, Word } from "./talk.ts";

const HISTORY = { messages: 200_000, bytes: 32 * 1024 * 1024, ageMs: 600_000 };
/** How often a node publishes, and says what was acknowledged. Milliseconds. */
const EVERY_MS = 10;

/** One node of a round, in a process of its own. It publishes to every topic, and follows every topic. */
class Node {
  readonly #index: number;
  readonly #topics: number;
  readonly #perSecond: number;
  readonly #broker: Broker;
  readonly #followers: Follower[] = [];
  readonly #plain: string[][] = [];
  readonly #gaps: number[][] = [];
  readonly #sent = { kept: 0, plain: 0 };
  readonly #acknowledged: { kept: [number, number][]; plain: [number, number][] } = { kept: [], plain: [] };
  #counts = { rejected: 0, localOnly: 0, waiting: 0 };
  #timer: NodeJS.Timeout | undefined;
  #owed = 0;

  constructor({ index, folder, topics, perSecond }: Extract<Order, { do: "start" }>) {
    this.#index = index;
    this.#topics = topics;
    this.#perSecond = perSecond;
    this.#broker = meshBroker({ folder });
    for (let topic = 0; topic < topics; topic++) {
      this.#followers.push(new Follower(this.#broker, `kept-${topic}`));
      this.#plain.push([]);
      this.#gaps.push([]);
    }
  }

  async start(): Promise<void> {
    const number = (topic: string): number => Number(topic.slice(topic.indexOf("-") + 1));
    await this.#broker.start({
      message: (topic, publication) => {
        if (topic.startsWith("kept-")) this.#followers[number(topic)]?.message(publication);
        else this.#plain[number(topic)]?.push(String(publication.data));
      },
      top: (topic, position) => this.#followers[number(topic)]?.top(position),
      gap: (topic) => void this.#gaps[number(topic)]?.push(this.#plain[number(topic)]?.length ?? 0),
      state: () => {},
      told: () => {},
      nodes: () => {},
    });
    const subscribed = this.#followers.map(async (follower, topic) => {
      const position = await this.#broker.subscribe(`kept-${topic}`, { history: HISTORY });
      if (position !== undefined) follower.begin(position);
      await this.#broker.subscribe(`plain-${topic}`);
    });
    await Promise.all(subscribed);
    say({ say: "up", node: this.#broker.node });
  }

  publish(): void {
    this.#timer = setInterval(() => {
      this.#owed += (this.#perSecond * EVERY_MS) / 1000;
      for (; this.#owed >= 1; this.#owed--) this.#publishOne();
      this.tellAcknowledged();
    }, EVERY_MS);
  }

  rest(): void {
    clearInterval(this.#timer);
  }

  tellAcknowledged(): void {
    const { kept, plain } = this.#acknowledged;
    if (kept.length + plain.length > 0) say({ say: "acknowledged", kept: kept.splice(0), plain: plain.splice(0) });
  }

  report(): Report {
    return {
      kept: this.#followers.map(({ came }) => came),
      plain: this.#plain,
      gaps: this.#gaps,
      anew: this.#followers.map(({ anew }) => anew),
      ...this.#counts,
      nodes: this.#broker.nodes(),
      heapBytes: process.memoryUsage().rss,
    };
  }

  close(): Promise<void> {
    this.rest();
    return this.#broker.close();
  }

  #publishOne(): void {
    const isKept = this.#sent.kept <= this.#sent.plain;
    const number = isKept ? this.#sent.kept++ : this.#sent.plain++;
    const topic = number % this.#topics;
    const data = `${this.#index}:${number}`;
    this.#counts.waiting++;
    const publish = isKept ? this.#broker.publish(`kept-${topic}`, data, { history: HISTORY }) : this.#broker.publish(`plain-${topic}`, data);
    publish.then(
      ({ delivery }) => {
        this.#counts.waiting--;
        if (delivery === "local-only") this.#counts.localOnly++;
        else this.#acknowledged[isKept ? "kept" : "plain"].push([topic, number]);
      },
      () => {
        this.#counts.waiting--;
        this.#counts.rejected++;
      },
    );
  }
}

function say(word: Word): void {
  process.send?.(word);
}

process.on("unhandledRejection", (error) => say({ say: "failed", why: `unhandled rejection: ${String(error)}` }));
process.on("disconnect", () => process.exit());
let node: Node | undefined;
process.on("message", (order: Order) => {
  if (order.do === "start") {
    node = new Node(order);
    node.start().catch((error: unknown) => say({ say: "failed", why: String(error) }));
  } else if (order.do === "publish") node?.publish();
  else if (order.do === "rest") {
    node?.rest();
  } else if (order.do === "report" && node !== undefined) {
    node.tellAcknowledged();
    say({ say: "report", ...node.report() });
  } else if (order.do === "close") {
    void node?.close().then(() => {
      node?.tellAcknowledged();
      say({ say: "closed" });
      process.disconnect();
    });
  }
});
