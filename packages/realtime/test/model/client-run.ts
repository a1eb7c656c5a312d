import { Dice } from "./dice.ts";
import { ClientActor } from "./client-actor.ts";
import { Counts, Journal } from "./journal.ts";
import { MemoryVenue } from "./memory-venue.ts";
import { Process, type BrokerName } from "./process.ts";
import { kindOf, topicNames } from "./topics.ts";
import { Truth } from "./truth.ts";

const policies = ["close", "drop-newest", "drop-oldest", "keep-latest", "pause"] as const;
/** How long everything may take until all is quiet: the client waits before it comes back. Milliseconds of the clock. */
const SETTLE_MS = 120_000;
const SETTLE_EACH = 150;
const topics = topicNames.filter((topic) => kindOf(topic).history !== undefined);

/** A run with real clients, which come back by themselves. */
export class ClientRun {
  readonly venue = new MemoryVenue();
  readonly truth = new Truth();
  readonly journal = new Journal();
  readonly counts = new Counts();
  readonly dice: Dice;
  readonly actors: readonly ClientActor[];
  readonly #broker: BrokerName;
  readonly #seed: number;
  #process!: Process;
  #life = 0;
  #era = 0;
  #numbers = 0;

  constructor(seed: number, broker: BrokerName) {
    this.#seed = seed;
    this.#broker = broker;
    this.dice = new Dice(seed);
    const { truth, journal, counts, dice, venue } = this;
    const { clock } = venue;
    const shared = { truth, journal, counts, clock, now: () => clock.now(), isExact: broker === "memory", plant: {}, random: () => dice.below(1000) / 1000 };
    this.actors = policies.map(
      (policy, at) => new ClientActor({ ...shared, name: `client-${at}`, policy, open: (user, slowConsumer) => this.#process.open(user, slowConsumer) }),
    );
  }

  async run(steps: number): Promise<Counts> {
    await this.#begin(undefined);
    for (const actor of this.actors) for (let count = 0; count < 3; count++) actor.follow(this.dice.pick(topics));
    for (let step = 1; step <= steps; step++) {
      this.journal.step = step;
      await this.#step();
      await this.#turn();
      if (step % SETTLE_EACH === 0 || step === steps) await this.#settle();
    }
    for (const { client } of this.actors) client.close();
    await this.#process.die();
    await this.#turn();
    return this.counts;
  }

  async #step(): Promise<void> {
    const { dice, counts } = this;
    const actor = dice.pick(this.actors);
    const { socket } = actor;
    const wire = socket?.readyState === 1 ? socket.wire : undefined;
    const what = dice.below(100);
    if (dice.once(250)) return this.#restart();
    if (dice.once(500)) return this.#kill();
    if (what < 20) this.#publish(dice.pick(topics));
    else if (what < 26) this.#flood(dice.pick(topics));
    else if (what < 40) this.#publishBy(actor);
    else if (what < 46) actor.follow(dice.pick(topics));
    else if (what < 49) this.#leave(actor);
    else if (what < 56 && wire !== undefined && socket !== undefined) {
      counts.slow++;
      socket.wasSlow = true;
      wire.isTaking = false;
    } else if (what < 62 && wire !== undefined) wire.isTaking = true;
    else if (what < 68) wire?.takeOne();
    else if (what < 72) this.#cut(actor);
    else if (what < 96) await this.#pass(dice.below(300));
    else await this.#pass(dice.below(10_000));
  }

  #publish(topic: string): void {
    const number = this.#nextNumber();
    const [kind, id] = topic.split(":") as [string, string];
    this.#process.realtime
      .topic(`${kind}:{id}` as never, { id } as never)
      .publish("message" as never, { number, pad: this.#pad() } as never)
      .catch(() => this.counts.unavailable++);
  }

  #flood(topic: string): void {
    for (const actor of this.actors) actor.excusedTurns = 8;
    for (let count = 2 + this.dice.below(30); count > 0; count--) this.#publish(topic);
  }

  #publishBy(actor: ClientActor): void {
    const name = this.dice.pick(topics);
    if (!actor.followed.has(name)) return;
    const number = this.#nextNumber();
    actor.publish(name, number, this.#pad(), this.dice.once(3) ? undefined : `${actor.name}-${number}`);
  }

  #leave(actor: ClientActor): void {
    const name = this.dice.pick(topics);
    if (!actor.followed.has(name)) return;
    this.counts.unsubscribes++;
    actor.leave(name);
  }

  #cut(actor: ClientActor): void {
    const inMidFrame = this.dice.once(2);
    if (inMidFrame) this.counts.cutsInMidFrame++;
    else this.counts.cuts++;
    actor.cut({ inMidFrame, below: (limit) => this.dice.below(limit) });
  }

  #cutAll(): void {
    for (const actor of this.actors) this.#cut(actor);
  }

  async #restart(): Promise<void> {
    this.counts.restarts++;
    this.#cutAll();
    const saved = await this.#process.save();
    await this.#process.realtime.stop();
    await this.#process.die();
    this.truth.allLeft(this.venue.clock.now());
    await this.#begin(saved);
  }

  async #kill(): Promise<void> {
    this.counts.kills++;
    this.#cutAll();
    await this.#process.die();
    this.truth.forget();
    this.#era++;
    await this.#begin(undefined);
  }

  async #begin(restore: Awaited<ReturnType<Process["save"]>> | undefined): Promise<void> {
    const { truth, journal, venue } = this;
    const stateOf = (topic: string) => ({ epoch: truth.current(topic)?.epoch ?? "", upTo: truth.top(topic) });
    const place = { life: ++this.#life, era: this.#era, seed: this.#seed, broker: this.#broker };
    this.#process = new Process({ ...place, clock: venue.clock, truth, journal, restore, stateOf });
    await this.#process.listen((handler) => venue.serve(handler));
  }

  async #turn(): Promise<void> {
    await this.venue.turn();
    this.truth.turn++;
    for (const actor of this.actors) actor.pump();
    this.journal.check();
  }

  #pass(ms: number): Promise<void> {
    return this.venue.pass(ms, () => this.#turn());
  }

  async #settle(): Promise<void> {
    const end = this.venue.clock.now() + SETTLE_MS;
    do {
      for (const { socket } of this.actors) if (socket?.wire !== undefined) socket.wire.isTaking = true;
      await this.#pass(500);
    } while (this.venue.clock.now() < end && !this.actors.every(({ isQuiet }) => isQuiet));
    for (const actor of this.actors) actor.settle();
    for (let number = this.#numbers; number > 0; number--) {
      const eras = this.truth.of(number).map(({ era }) => era);
      if (new Set(eras).size < eras.length) this.journal.fail("published twice", `number ${number} took effect ${eras.length} times`);
    }
    this.counts.settled++;
  }

  #nextNumber(): number {
    this.counts.published++;
    return ++this.#numbers;
  }

  #pad(): string {
    return "x".repeat(this.dice.once(12) ? this.dice.below(1500) : this.dice.below(150));
  }
}
