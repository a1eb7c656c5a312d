import type { Clock, SlowConsumerPolicy } from "@upwire/core";
import { RealtimeError, type Since } from "@upwire/protocol";
import type { Plant } from "./client-setup.ts";
import type { Dice } from "./dice.ts";
import { Counts, Journal } from "./journal.ts";
import { numberOf, Process, type BrokerName } from "./process.ts";
import { SimClient } from "./sim-client.ts";
import { kindOf } from "./topics.ts";
import { Truth } from "./truth.ts";
import type { Venue } from "./venue.ts";
import { Witness } from "./witness.ts";

export interface WorldOptions {
  readonly seed: number;
  readonly broker: BrokerName;
  readonly plant: Plant;
  readonly dice: Dice;
  readonly venue: Venue;
}

const policies: readonly SlowConsumerPolicy[] = ["close", "drop-newest", "drop-oldest", "keep-latest", "pause"];
/** How long a witness may take. */
const MOST_TURNS = 10_000;
/** How long everything may take until all is quiet. Milliseconds of the clock. */
const SETTLE_MS = 60_000;

/** One run: a server, its clients, and the truth about what was published. */
export class World {
  readonly truth = new Truth();
  readonly journal = new Journal();
  readonly counts = new Counts();
  readonly dice: Dice;
  readonly clients: readonly SimClient[];
  readonly #options: WorldOptions;
  readonly #publishing = new Set<Promise<void>>();
  readonly #shown = new Map<string, unknown>();
  process!: Process;
  #witness: Witness | undefined;
  #life = 1;
  #era = 0;
  #numbers = 0;

  constructor(options: WorldOptions) {
    this.#options = options;
    this.dice = options.dice;
    const { truth, journal, counts } = this;
    const shared = { truth, journal, counts, now: () => this.clock.now(), isExact: options.broker === "memory", plant: options.plant };
    this.clients = policies.map((policy, at) => new SimClient({ ...shared, name: `client-${at}`, policy }));
  }

  /** Call it once, before anything else. */
  async start(): Promise<void> {
    for (const client of this.clients) for (let count = 0; count < 4; count++) client.wants.add(this.dice.pick(this.topics));
    this.process = await this.#newProcess(undefined);
    await this.#letWatch();
  }

  get clock(): Clock {
    return this.#options.venue.clock;
  }

  get topics(): readonly string[] {
    return this.#options.venue.topics;
  }

  get isExact(): boolean {
    return this.#options.broker === "memory";
  }

  /** A number for a publication. */
  nextNumber(): number {
    this.counts.published++;
    return ++this.#numbers;
  }

  /** The event loop turns once, and every client reads what has come. */
  async turn(): Promise<void> {
    await this.#options.venue.turn();
    this.truth.turn++;
    this.#witness?.pump();
    for (const client of this.clients) client.pump();
    this.journal.check();
  }

  /** The connection of a client ends without a word. */
  cut(client: SimClient, options: { readonly inMidFrame: boolean }): void {
    this.#witness?.pump();
    this.journal.note(`${client.name} is cut`);
    client.cut({ ...options, below: (limit) => this.dice.below(limit) });
  }

  pass(ms: number): Promise<void> {
    return this.#options.venue.pass(ms, () => this.turn());
  }

  async connect(client: SimClient): Promise<void> {
    if (client.wire !== undefined) return;
    client.connected(await this.process.open(client.name, client.policy));
    client.subscribeAll((topic) => this.since(topic));
  }

  /** Where a client begins that was never there. */
  since(topic: string): Since | undefined {
    if (kindOf(topic).history === undefined || this.dice.once(2)) return undefined;
    return { last: 1 + this.dice.below(20) };
  }

  publish(topic: string): void {
    const number = this.nextNumber();
    this.journal.note(`the server publishes ${number} in ${topic}`);
    const [kind, id] = topic.split(":") as [string, string];
    const key = this.dice.once(3) ? `server-${number}` : undefined;
    const publishing = this.process.realtime
      .topic(`${kind}:{id}` as never, { id } as never)
      .publish("message" as never, { number, pad: this.pad() } as never, key === undefined ? {} : { key })
      .then(
        ({ offset }) => this.#published(topic, number, offset),
        (error: unknown) => this.#refused(error),
      )
      .finally(() => this.#publishing.delete(publishing));
    this.#publishing.add(publishing);
  }

  pad(): string {
    const { dice } = this;
    return "x".repeat(dice.once(12) ? dice.below(1500) : dice.below(150));
  }

  /** A planned restart: the next process goes on from what this one saved. */
  async restart(): Promise<void> {
    this.counts.restarts++;
    const isSavedFirst = this.dice.once(2);
    if (!isSavedFirst) this.#cutAll();
    const saved = await this.process.save();
    if (isSavedFirst) {
      this.publish(this.dice.pick(this.topics));
      await this.turn();
      this.#cutAll();
    }
    await this.process.realtime.stop();
    await this.turn();
    await this.process.die();
    this.#publishing.clear();
    this.truth.forgetPlain();
    this.truth.allLeft(this.clock.now());
    this.#life++;
    this.process = await this.#newProcess(saved);
    await this.#letWatch();
  }

  async kill(): Promise<void> {
    this.counts.kills++;
    this.#cutAll();
    await this.process.die();
    await this.turn();
    this.#publishing.clear();
    this.truth.forget();
    this.#life++;
    this.#era++;
    this.process = await this.#newProcess(undefined);
    await this.#letWatch();
  }

  /** Everybody comes back and reads, nothing is published any more: then everything must have come. */
  async settle(): Promise<void> {
    const { clients, journal } = this;
    journal.note("settles");
    const end = this.clock.now() + SETTLE_MS;
    do {
      for (const client of clients) {
        await this.connect(client);
        if (client.wire !== undefined) client.wire.isTaking = true;
        client.subscribeAll((topic) => this.since(topic));
        client.retry();
      }
      await this.pass(250);
    } while (this.clock.now() < end && !this.#isQuiet());
    for (const client of clients) client.reader.settle();
    if (this.#publishing.size > 0) journal.fail("reply missing", `${this.#publishing.size} publishes of the server are not settled`);
    const [missing] = this.truth.missing();
    if (missing !== undefined) journal.fail("published never", `number ${missing} was answered, and came to nobody`);
    this.#mustBePublishedOnce();
    this.counts.settled++;
  }

  /** Frees everything. */
  async end(): Promise<void> {
    this.#cutAll();
    await this.process.die();
    await this.turn();
  }

  #isQuiet(): boolean {
    const hasAll = (client: SimClient): boolean =>
      !client.hasWork && [...client.wants].every((name) => client.reader.topic(name).state === "live" && client.reader.topic(name).ledger.hasAll);
    return this.#publishing.size === 0 && this.clients.every(hasAll);
  }

  #mustBePublishedOnce(): void {
    for (let number = this.#numbers; number > 0; number--) {
      const eras = this.truth.of(number).map(({ era }) => era);
      if (new Set(eras).size < eras.length) this.journal.fail("published twice", `number ${number} took effect ${eras.length} times`);
    }
  }

  async #newProcess(restore: Awaited<ReturnType<Process["save"]>> | undefined): Promise<Process> {
    const { clock, truth, journal } = this;
    const { broker, seed, venue } = this.#options;
    const process = new Process({ clock, truth, journal, broker, seed, life: this.#life, era: this.#era, restore, stateOf: (topic) => this.#stateOf(topic) });
    await process.listen((handler) => venue.serve(handler));
    return process;
  }

  /** Nothing else happens before the witness is there. */
  async #letWatch(): Promise<void> {
    const [life, era] = [this.#life, this.#era];
    const topics = this.topics.filter((topic) => kindOf(topic).history === undefined);
    const wire = await this.process.openWitness();
    this.#witness = new Witness(wire, topics, (topic, text) => {
      this.journal.note(`the witness of ${topic} has ${text === undefined ? "a gap" : numberOf(text)}`);
      if (text === undefined) this.truth.excuse(topic, this.#numbers);
      else this.truth.note({ topic, position: undefined, number: numberOf(text), bytes: 0, at: this.clock.now(), life, era });
    });
    for (let turns = 0; !this.#witness.isReady; turns++) {
      if (turns === MOST_TURNS) throw new Error("the witness cannot subscribe");
      await this.pass(10);
    }
  }

  #cutAll(): void {
    for (const client of this.clients) this.cut(client, { inMidFrame: this.dice.once(2) });
    this.#witness = undefined;
    this.truth.expectNothing(this.#numbers);
  }

  /** What the application has worked in: everything that was published so far. It takes its time now and then. */
  #stateOf(topic: string): unknown {
    const current = this.truth.current(topic);
    const state = { epoch: current?.epoch ?? "", upTo: current?.top ?? 0 };
    const shown = this.#options.plant.showsOldState === true ? (this.#shown.get(topic) ?? state) : state;
    this.#shown.set(topic, state);
    if (this.dice.once(2)) return shown;
    return new Promise((resolve) => this.clock.after(this.dice.below(50), () => resolve(shown)));
  }

  #published(topic: string, number: number, offset: number | undefined): void {
    if (kindOf(topic).history === undefined) return this.truth.expect(topic, number);
    if (this.truth.of(number).some((fact) => fact.offset === offset)) return;
    this.journal.fault(`the server was told the offset ${offset} for number ${number} in ${topic}`);
  }

  #refused(error: unknown): void {
    if (error instanceof RealtimeError && error.code === "unavailable") this.counts.unavailable++;
    else this.journal.fault(error);
  }
}
