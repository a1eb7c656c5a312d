import type { SlowConsumerPolicy } from "@upwire/core";
import type { Since } from "@upwire/protocol";
import type { ClientSetup } from "./client-setup.ts";
import { Reader, type ClientPublish } from "./reader.ts";
import type { Wire } from "./wire.ts";

/** How long a publish is tried again; the server remembers its key longer. Milliseconds. */
const RETRY_MS = 90_000;

/** How long the witness may be behind. */
const MOST_TURNS = 2000;
/** After so long it is taken to have missed something. */
const LATE_TURNS = 200;
/** A publication of a topic without history. */
const PLAIN = /^\{"topic":"((?:plain|shown):\d)","type":"message","payload":\{"number":(\d+)/;

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
  readonly #unread: string[] = [];
  #waitedTurns = 0;
  /** Publishes without an answer, to be sent again with the same key. */
  readonly #unsure: ClientPublish[] = [];
  /** When it was first sent. */
  readonly #since = new Map<ClientPublish, number>();

  constructor(setup: ClientSetup) {
    this.name = setup.name;
    this.policy = setup.policy;
    this.#setup = setup;
    this.reader = new Reader(setup, (publish, outcome) => this.#done(publish, outcome));
  }

  get hasWork(): boolean {
    return this.#unread.length > 0 || this.#unsure.length > 0 || this.reader.unanswered > 0;
  }

  connected(wire: Wire): void {
    this.wire = wire;
    this.wasSlow = false;
    this.reader.connected(wire);
  }

  disconnected(): void {
    // As if it had been cut before these.
    this.#unread.length = 0;
    this.#waitedTurns = 0;
    this.wire = undefined;
    this.reader.disconnected();
  }

  /** Reads what has come. */
  pump(): void {
    const { wire } = this;
    if (wire === undefined) return;
    this.#read(wire.take());
    if (this.#unread.length > 0 && ++this.#waitedTurns > MOST_TURNS)
      this.#setup.journal.fail("wrong content", `${this.name} got what the witness never got: ${this.#unread[0]}`);
    if (wire.isBroken) {
      this.#setup.counts.broken++;
      return this.cut({ inMidFrame: false, below: () => 0 });
    }
    const code = wire.closedWith;
    if (code === undefined) {
      this.excusedTurns = Math.max(0, this.excusedTurns - 1);
      return;
    }
    const { journal, counts } = this.#setup;
    journal.note(`${this.name} was closed with ${code}`);
    if (!((this.wasSlow || this.excusedTurns > 0) && (code === 1013 || code === 1006)) && code !== 1012)
      journal.fail("closed without cause", `${this.name} (${this.policy}) was closed with ${code}`);
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

  /** Reads up to the first message that the witness has not had yet: the rest comes later. */
  #read(texts: readonly string[]): void {
    this.#unread.push(...texts);
    for (let [text] = this.#unread; text !== undefined && this.#isKnown(text); [text] = this.#unread) {
      this.#unread.shift();
      this.#waitedTurns = 0;
      this.reader.read(text);
    }
  }

  #isKnown(text: string): boolean {
    const [, topic, number] = PLAIN.exec(text) ?? [];
    const { truth } = this.#setup;
    if (topic === undefined || truth.isSeen(topic, Number(number))) return true;
    // The witness may have missed it; it may also be late.
    return this.#waitedTurns > LATE_TURNS && truth.isExcused(topic, Number(number));
  }

  #done(publish: ClientPublish, outcome: "answered" | "unavailable" | "lost"): void {
    if (outcome === "answered" || publish.key === undefined) this.#since.delete(publish);
    else this.#unsure.push(publish);
  }
}
