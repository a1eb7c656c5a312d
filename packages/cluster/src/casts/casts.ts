import { guard, jsonText } from "@upwire/core/adapter";
import type { Broker, BrokerData, BrokerState } from "../broker/broker.ts";
import { notStarted } from "../broker/errors.ts";
import { Answers } from "./answers.ts";
import { readAskOptions, readCastsOptions } from "./check-options.ts";
import { MAX_JSON_BYTES, readControl, type Run } from "./control.ts";
import { Greetings } from "./greetings.ts";
import { Kept } from "./kept.ts";
import { Nodes } from "./nodes.ts";
import { Outbox } from "./outbox.ts";
import type { PendingCast } from "./pending-cast.ts";
import { PendingCasts } from "./pending-casts.ts";
import { Publisher } from "./publisher.ts";
import { Questions } from "./questions.ts";
import { Receiver } from "./receiver.ts";
import { Subscriptions } from "./subscriptions.ts";
import type { Asked, AskOptions, CastOptions, CastsOptions, CastStats, Reach } from "./types.ts";
import { UntilStarted } from "./until-started.ts";

const TIMEOUT_MS = 800;
const LINGER_MS = 2000;
const MAX_PENDING = 100_000;

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
  readonly #publisher: Publisher;
  readonly #receiver: Receiver;
  #life: "new" | "starting" | "started" | "failed" | "closed" = "new";
  readonly #waiting = new UntilStarted();
  #malformed = 0;
  /** Casts over the most that may wait for the start. */
  #refused = 0;

  /** @throws TypeError or RangeError for options that cannot be meant. */
  constructor(options: CastsOptions) {
    this.#options = readCastsOptions(options);
    const { broker, clock, timeoutMs = TIMEOUT_MS, lingerMs = LINGER_MS, maxPending = MAX_PENDING, deliver, answer, report } = this.#options;
    const tell: Broker["tell"] = (node, data, told) => this.#tell(node, data, told);
    const nodes = new Nodes(broker.node);
    this.#broker = broker;
    this.#nodes = nodes;
    this.#subscriptions = new Subscriptions({ broker, clock, lingerMs });
    this.#outbox = new Outbox({ tell, clock });
    this.#pending = new PendingCasts({ clock, nodes, timeoutMs, maxPending, outbox: this.#outbox });
    this.#publisher = new Publisher({ broker, pending: this.#pending, report });
    this.#receiver = new Receiver({ node: broker.node, subscriptions: this.#subscriptions, outbox: this.#outbox, deliver, report });
    this.#answers = new Answers({ answer, report, tell });
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
      refused: this.#refused + refused + this.#outbox.refused + this.#questions.refused + this.#answers.refused,
      malformed: this.#malformed + this.#receiver.malformed + this.#answers.malformed,
    };
  }

  /** Starts the broker. Everything else may be called before. @throws (as a rejection) what the `start` of the broker throws. */
  async start(): Promise<void> {
    if (this.#life !== "new") throw new Error("start: these casts have been started already; make others with a broker of their own");
    this.#life = "starting";
    try {
      await this.#broker.start({
        message: (address, publication) => this.#receiver.received(address, publication),
        top: () => {},
        gap: (address) => guard(() => this.#options.gap?.(address), this.#options.report),
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
   * @throws (as a rejection) TypeError for a question that JSON cannot hold, and for options that cannot be meant; RangeError for a
   * question above 1000000 bytes.
   */
  async ask(node: string | undefined, question: unknown, given?: AskOptions): Promise<Asked> {
    const options = readAskOptions(given);
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
    this.#publisher.publish(cast, data, options);
  }

  async #tell(node: string | undefined, data: Uint8Array, options?: { readonly keepMs?: number }): Promise<void> {
    if (this.#life !== "started") throw notStarted();
    await this.#broker.tell(node, data, options);
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
    guard(() => this.#options.state?.(state), this.#options.report);
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
}
