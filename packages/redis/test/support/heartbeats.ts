import { decodeEnvelope } from "@upwire/cluster/envelope";
import { Redis } from "ioredis";
import { Names } from "../../src/data/names.ts";

/** How often each node has repeated its newest number of a topic, as the channels say it. */
export class Heartbeats {
  readonly #client: Redis;
  readonly #newest = new Map<string, { number: number; times: number }>();

  private constructor(client: Redis) {
    this.#client = client;
  }

  static async listen(port: number, topics: readonly string[]): Promise<Heartbeats> {
    const beats = new Heartbeats(new Redis({ port, host: "127.0.0.1" }));
    beats.#client.on("messageBuffer", (_: Buffer, bytes: Buffer) => beats.#heard(bytes));
    const names = new Names("upwire");
    await beats.#client.subscribe(...topics.map((topic) => names.channel(topic)));
    return beats;
  }

  of(node: string, topic: string): number {
    return this.#newest.get(`${node} ${topic}`)?.times ?? 0;
  }

  async close(): Promise<void> {
    this.#client.disconnect();
  }

  #heard(bytes: Buffer): void {
    const envelope = decodeEnvelope(bytes);
    if (envelope?.kind === "publications") {
      // A number that was repeated is not the newest any more.
      for (const key of this.#newest.keys()) if (key.startsWith(`${envelope.node} `)) this.#newest.delete(key);
    }
    if (envelope?.kind !== "tops") return;
    for (const { topic, number } of envelope.tops) {
      const key = `${envelope.node} ${topic}`;
      const known = this.#newest.get(key);
      if (known === undefined || number > known.number) this.#newest.set(key, { number, times: 1 });
      else if (number === known.number) known.times++;
    }
  }
}
