import { jsonText, watch } from "@upwire/core/adapter";
import { RealtimeError } from "@upwire/protocol";
import type { Broker, BrokerData, BrokerPublication, BrokerState, PublishResult } from "../broker/broker.ts";
import { notStarted } from "../broker/errors.ts";
import { Answers } from "./answers.ts";
import { readCastsOptions } from "./check-options.ts";
import { MAX_JSON_BYTES, readControl, type Run } from "./control.ts";
import { Greetings } from "./greetings.ts";
import { Kept } from "./kept.ts";
import { Nodes } from "./nodes.ts";
import { OriginReader, originPrefix, writeOrigin } from "./origins.ts";
import { Outbox } from "./outbox.ts";
import type { PendingCast } from "./pending-cast.ts";
import { PendingCasts } from "./pending-casts.ts";
import { Questions } from "./questions.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { Asked, AskOptions, CastOptions, CastsOptions, CastStats, Reach } from "./types.ts";
import { UntilStarted } from "./until-started.ts";
import { unpackOptions, packOptions } from "./with-options.ts";

const TIMEOUT_MS = 800;

/**
 * Messages without history to sets of connections that are spread over nodes, such as a room or the connections of a user. An *address* is
 * the name of such a set, which the layer above chooses (`room:tea`); a *cast* is one message to its members on all nodes, and is
 * answered with how many it reached. Only nodes with members get a cast, and each answers with how many
 * queues took it; all answers of a turn are one message. Beside that, nodes can ask each other.
 *
 * Nothing here rejects because a node or the broker fails: the result names who did not answer.
 */
export class Casts {
  readonly #options: CastsOptions;
  readonly #broker: Broker;
  readonly #nodes: Nodes;
  readonly #subscriptions: Subscriptions;
  readonly #pending: PendingCasts;
  readonly #greetings: Greetings;
  readonly #questions: Questions;
  readonly #answers: Answers;
  readonly #outbox: Outbox;
  readonly #kept: Kept;
  readonly #origins = new OriginReader();
  /** What the origins of this node begin with. */
  readonly #ownPrefix: string;
  #life: "new" | "starting" | "started" | "failed" | "closed" = "new";
  readonly #waiting = new UntilStarted();
  /** The publish that was begun last, with the casts that it brings. */
  #publishing: { readonly promise: Promise<PublishResult>; readonly casts: PendingCast[] } | undefined;
  #malformed = 0;
  #refused = 0;

  /** @throws TypeError or RangeError for options that cannot be meant. */
  constructor(options: CastsOptions) {
    this.#options = readCastsOptions(options);
    const { broker, clock, timeoutMs = TIMEOUT_MS, lingerMs = 2000, maxPending = 100_000, report } = this.#options;
    const tell: Broker["tell"] = (node, data, told) => this.#tell(node, data, told);
    const nodes = new Nodes(broker.node);
    this.#broker = broker;
    this.#ownPrefix = originPrefix(broker.node);
    this.#nodes = nodes;
    this.#subscriptions = new Subscriptions({ broker, clock, lingerMs });
    this.#outbox = new Outbox({ tell, now: () => clock.now(), refused: () => void this.#refused++ });
    this.#pending = new PendingCasts({ clock, nodes, timeoutMs, maxPending, check: (node, cast) => this.#outbox.check(node, cast) });
    this.#answers = new Answers({ answer: this.#options.answer, report, tell });
    this.#greetings = new Greetings({ clock, nodes, tell });
    this.#kept = new Kept({ clock, tell });
    const isUp = (): boolean => this.#life === "started" && broker.state() !== "down";
    this.#questions = new Questions({ clock, nodes, timeoutMs, tell, kept: this.#kept, isUp, report });
  }

  /** The name of this node. */
  get node(): string {
    return this.#broker.node;
  }

  /** The other nodes that are alive and have casts; while the broker is down, the nodes that were alive before. */
  get others(): readonly string[] {
    return this.#nodes.others;
  }

  get stats(): CastStats {
    const { size: pending, incomplete, refused } = this.#pending;
    return {
      pending,
      asking: this.#questions.size,
      addresses: this.#subscriptions.size,
      incomplete,
      refused: this.#refused + refused + this.#questions.refused + this.#answers.refused,
      malformed: this.#malformed + this.#answers.malformed,
    };
  }

  /** Starts the broker. Everything else may be called before. @throws (as a rejection) what the `start` of the broker throws. */
  async start(): Promise<void> {
    if (this.#life !== "new") throw new Error("start: these casts have been started already; make others with a broker of their own");
    this.#life = "starting";
    try {
      await this.#broker.start({
        message: (address, publication) => this.#received(address, publication),
        top: () => {},
        gap: (address) => this.#guard(() => this.#options.gap?.(address)),
        state: (state) => this.#stateChanged(state),
        told: (from, data) => this.#told(from, data),
        nodes: (alive) => this.#nodesChanged(alive),
      });
    } catch (error) {
      if (this.#hasLife("starting")) this.#life = "failed";
      this.#waiting.run();
      throw error;
    }
    if (!this.#hasLife("starting")) return;
    this.#life = "started";
    this.#nodesChanged(this.#broker.nodes());
    this.#subscriptions.start();
    this.#waiting.run();
  }

  /** The address has its first member here: from now on its casts come to this node. */
  join(address: string): void {
    if (this.#life !== "closed") this.#subscriptions.join(address);
  }

  /** The last member has left. Its casts come for `lingerMs` more. */
  leave(address: string): void {
    if (this.#life !== "closed") this.#subscriptions.leave(address);
  }

  /**
   * Sends `data` to the members that the address has on other nodes; its bytes must not change afterwards. The caller serves its own
   * members, and adds how many that reached. Never rejects. Casts to one address arrive in the order in which the broker brings them.
   */
  cast(address: string, data: BrokerData, options?: CastOptions): Promise<Reach> {
    if (this.#life === "closed") return Promise.resolve({ reached: 0, missing: this.others, delivery: "local-only" });
    return new Promise((resolve) => {
      const cast = this.#pending.begin(address, resolve);
      if (this.#life !== "new" && this.#life !== "starting") return this.#publish(cast, data, options);
      if (this.#waiting.add(() => this.#publish(cast, data, options), data.length)) return;
      this.#refused++;
      this.#pending.failed(cast, { isDown: true });
    });
  }

  /**
   * Asks one other node, or all others for `undefined`. Never rejects for what they do.
   * @throws (as a rejection) TypeError for a question that JSON cannot hold; RangeError for one above 1000000 bytes.
   */
  async ask(node: string | undefined, question: unknown, options: AskOptions = {}): Promise<Asked> {
    const json = jsonText(question);
    if (json === undefined) throw new TypeError("ask: the question has no JSON form");
    const bytes = Buffer.byteLength(json);
    if (bytes > MAX_JSON_BYTES) throw new RangeError(`ask: a question of ${bytes} bytes is not allowed; give at most ${MAX_JSON_BYTES}`);
    if (this.#life === "starting") await this.#startedWithin(options.timeoutMs ?? this.#options.timeoutMs ?? TIMEOUT_MS, bytes);
    if (this.#hasLife("closed")) return { answers: new Map(), missing: node === undefined ? this.others : [node], delivery: "local-only" };
    return this.#questions.ask(node, json, options);
  }

  /** Ends what waits, and closes the broker. Safe to call twice. */
  async close(): Promise<void> {
    if (this.#life === "closed") return;
    this.#life = "closed";
    this.#outbox.flush();
    this.#subscriptions.close();
    this.#kept.close();
    this.#greetings.close();
    this.#waiting.run();
    this.#questions.close();
    this.#pending.close();
    this.#outbox.close();
    await this.#broker.close();
  }

  /** Not `this.#life === life`: that would tell the compiler what the value is from there on, past every `await`. */
  #hasLife(life: string): boolean {
    return this.#life === life;
  }

  /** Settles when the broker has started, or refuses to, at the latest after `ms`. */
  #startedWithin(ms: number, bytes: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#options.clock.after(ms, resolve);
      const end = (): void => {
        timer.cancel();
        resolve();
      };
      // Over the bound it is not waited for.
      if (!this.#waiting.add(end, bytes)) end();
    });
  }

  #publish(cast: PendingCast, data: BrokerData, options: CastOptions | undefined): void {
    // The time of one that waited for the start may be over: its sender has been told that it went nowhere.
    if (cast.isSettled) return;
    if (this.#life !== "started") return this.#pending.failed(cast, { isDown: true });
    const hasOptions = options !== undefined && (options.key !== undefined || options.mustArrive === true);
    const origin = writeOrigin(this.#ownPrefix, cast.number, { hasOptions });
    const published = this.#broker.publish(cast.address, hasOptions ? packOptions(data, options) : data, { origin });
    // A broker may give what goes out together one promise: then one reaction serves them all.
    if (published === this.#publishing?.promise) return void this.#publishing.casts.push(cast);
    const casts = [cast];
    this.#publishing = { promise: published, casts };
    published.then(
      (result) => {
        this.#publishing = undefined;
        for (const one of casts) this.#pending.published(one, result);
      },
      (error: unknown) => {
        this.#publishing = undefined;
        if (!isUnavailable(error)) this.#options.report(error);
        for (const one of casts) this.#pending.failed(one, { isDown: this.#broker.state() === "down" });
      },
    );
  }

  async #tell(node: string | undefined, data: Uint8Array, options?: { readonly keepMs?: number }): Promise<void> {
    if (this.#life !== "started") throw notStarted();
    await this.#broker.tell(node, data, options);
  }

  #received(address: string, { data, origin }: BrokerPublication): void {
    if (origin?.startsWith(this.#ownPrefix) === true) return;
    if (!this.#origins.read(origin)) return void this.#malformed++;
    if (!this.#subscriptions.has(address)) return;
    // What is delivered may bring another one here before it returns.
    const { node, cast, hasOptions } = this.#origins;
    const took = hasOptions ? this.#deliverPacked(address, data) : this.#deliver(address, data, undefined);
    this.#outbox.answer(node, cast, took);
  }

  #deliverPacked(address: string, packed: BrokerData): number {
    const unpacked = typeof packed === "string" ? undefined : unpackOptions(packed);
    if (unpacked !== undefined) return this.#deliver(address, unpacked.data, unpacked.options);
    this.#malformed++;
    return 0;
  }

  #deliver(address: string, data: BrokerData, options: CastOptions | undefined): number {
    const { deliver, report } = this.#options;
    try {
      const took: unknown = deliver(address, data, options);
      if (Number.isSafeInteger(took) && (took as number) >= 0) return took as number;
      if (!watch(took, report)) report(new TypeError("deliver: it gave no count; give how many queues took the data"));
    } catch (error) {
      report(error);
    }
    return 0;
  }

  #told(from: string, data: Uint8Array): void {
    const isRead = readControl(data, {
      answers: (casts, took) => this.#pending.answered(from, casts, took),
      absences: (casts) => this.#pending.absent(from, casts),
      checks: (address, casts) => this.#checked(from, address, casts),
      question: (id, json) => this.#answers.take(from, id, json),
      reply: (id, json) => this.#questions.answered(id, from, json),
      greeting: (wantsAnswer) => this.#greetings.greeted(from, wantsAnswer),
    });
    if (isRead) this.#greetings.heard(from);
    else this.#malformed++;
  }

  /** A node asks about casts of its own. One that has not come, and may still come, is answered when it does. */
  #checked(from: string, address: string, runs: readonly Run[]): void {
    const absent = this.#outbox.repeat(from, runs);
    if (!this.#subscriptions.isActive(address)) this.#outbox.absent(from, absent);
  }

  #stateChanged(state: BrokerState): void {
    if (state !== "down" && this.#life === "started") {
      this.#nodesChanged(this.#broker.nodes());
      this.#subscriptions.retry();
      this.#kept.retry();
    }
    this.#guard(() => this.#options.state?.(state));
  }

  #nodesChanged(alive: readonly string[]): void {
    // A broker that is down knows no node any more, and they live on. Before it has started, nothing can be told to them.
    if (this.#life !== "started" || this.#broker.state() === "down") return;
    const { come, gone } = this.#nodes.update(alive, this.#options.clock.now());
    this.#greetings.gone(gone);
    this.#greetings.greet(come);
    for (const node of gone) this.#outbox.forget(node);
    this.#questions.gone(gone);
  }

  /** Calls a function of the layer above. Never throws. */
  #guard(run: () => unknown): void {
    const { report } = this.#options;
    try {
      watch(run(), report);
    } catch (error) {
      report(error);
    }
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof RealtimeError && error.code === "unavailable";
}
