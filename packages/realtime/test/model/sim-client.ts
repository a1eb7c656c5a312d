import type { SlowConsumerPolicy } from "@upwire/core";
import type { Since } from "@upwire/protocol";
import type { ClientSetup } from "./client-setup.ts";
import { Reader, type ClientPublish } from "./reader.ts";
import type { Wire } from "./wire.ts";

/** How long a publish is tried again; the server remembers its key longer. Milliseconds. */
const RETRY_MS = 90_000;

/** One client of a run: its connections, one after the other, what it wants, and what it still has to publish. */
export class SimClient {
  readonly name: string;
  readonly policy: SlowConsumerPolicy;
  readonly reader: Reader;
  /** Topics that it is to be subscribed to. */
  readonly wants = new Set<string>();
  wire: Wire | undefined;
  /** It has not read all the time since it connected. */
  wasSlow = false;
  /** So many turns it may be closed for more than its queue holds, though it reads. */
  excusedTurns = 0;
  readonly #setup: ClientSetup;
  /** Publishes without an answer, to be sent again with the same key. */
  readonly #unsure: ClientPublish[] = [];
  /** When it was first sent. */
  readonly #since = new Map<ClientPublish, number>();

  constructor(policy: SlowConsumerPolicy, setup: ClientSetup) {
    this.name = setup.name;
    this.policy = policy;
    this.#setup = setup;
    this.reader = new Reader(setup, (publish, outcome) => this.#done(publish, outcome));
  }

  get hasWork(): boolean {
    return this.#unsure.length > 0 || this.reader.unanswered > 0;
  }

  connected(wire: Wire): void {
    this.wire = wire;
    this.wasSlow = false;
    this.reader.connected(wire);
  }

  disconnected(): void {
    this.wire = undefined;
    this.reader.disconnected();
  }

  /** Reads what has come. */
  pump(): void {
    const { wire } = this;
    if (wire === undefined) return;
    this.#read(wire.take());
    const code = wire.closedWith;
    if (code === undefined) {
      this.excusedTurns = Math.max(0, this.excusedTurns - 1);
      return;
    }
    const { journal, counts } = this.#setup;
    journal.note(`${this.name} was closed with ${code}`);
    if (!((this.wasSlow || this.excusedTurns > 0) && (code === 1013 || code === 1006)) && code !== 1012) journal.fail("closed without cause", `${this.name} (${this.policy}) was closed with ${code}`);
    counts.closedSlow++;
    this.disconnected();
  }

  cut(options: Parameters<Wire["cut"]>[0]): void {
    if (this.wire === undefined) return;
    this.#read(this.wire.cut(options));
    this.disconnected();
  }

  /** Subscribes what it wants and does not have, where it stood, if it has stood anywhere. */
  subscribeAll(otherwise: (topic: string) => Since | undefined): void {
    if (this.wire === undefined) return;
    for (const name of this.wants) {
      const topic = this.reader.topic(name);
      if (topic.state === "none") this.reader.subscribe(name, topic.position ?? otherwise(name));
    }
  }

  publish(publish: ClientPublish): void {
    this.#since.set(publish, this.#setup.now());
    this.reader.publish(publish);
  }

  /** Sends again what it has no answer to. */
  retry(): void {
    if (this.wire === undefined) return;
    for (const publish of this.#unsure.splice(0)) {
      if (this.#setup.now() - (this.#since.get(publish) ?? 0) > RETRY_MS) {
        this.#since.delete(publish);
        continue;
      }
      this.#setup.counts.keyedRetries++;
      this.reader.publish(publish);
    }
  }

  #read(texts: readonly string[]): void {
    for (const text of texts) this.reader.read(text);
  }

  #done(publish: ClientPublish, outcome: "answered" | "unavailable" | "lost"): void {
    if (outcome === "answered" || publish.key === undefined) this.#since.delete(publish);
    else this.#unsure.push(publish);
  }
}
