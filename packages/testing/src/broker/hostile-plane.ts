import { checkTell, type Broker, type BrokerSink, type TellOptions } from "@upwire/cluster/broker";
import type { Delays } from "./delays.ts";
import type { Mood } from "./mood.ts";

/** What one node tells another, on its way through a hostile broker: late, lost or rejected, and in order for each sender. */
export class HostilePlane {
  readonly #inner: Broker;
  readonly #mood: Mood;
  readonly #delays: Delays;
  /** What every `tell` waits for: those before it. */
  #before: Promise<unknown> | undefined;
  /** What each sender has told, and the sink has not been given. */
  readonly #told = new Map<string, Uint8Array[]>();
  /** What the sink is still to be shown. */
  readonly #views: (readonly string[])[] = [];
  #view: readonly string[] | undefined;
  /** How often the sink was told. */
  count = 0;

  constructor(inner: Broker, mood: Mood, delays: Delays) {
    this.#inner = inner;
    this.#mood = mood;
    this.#delays = delays;
  }

  nodes(): readonly string[] {
    return this.#view ?? this.#inner.nodes();
  }

  async tell(node: string | undefined, data: Uint8Array, options: TellOptions = {}): Promise<void> {
    const mood = this.#mood;
    checkTell(data, options);
    if (mood.does("tellFails")) throw mood.fails("tell: failed, and had no effect");
    const isLost = mood.does("tellLost") && options.keepMs === undefined;
    const isReplyLost = mood.does("replyLost");
    const answerMs = mood.late("answerLate");
    const lateMs = mood.late("tellLate");
    const before = this.#before;
    if (before !== undefined || lateMs > 0) await this.#inLine(before, lateMs);
    if (isLost) mood.counts.tellsLost++;
    else await this.#inner.tell(node, data, options);
    await this.#delays.wait(answerMs);
    if (isReplyLost) throw mood.replyLost("tell");
  }

  /** The broker inside has told something. */
  told(from: string, data: Uint8Array, sink: () => BrokerSink | undefined): void {
    const untold = this.#told.get(from) ?? [];
    this.#told.set(from, untold);
    untold.push(data);
    // The first one that arrives brings the one that was told first: each comes late, and none overtakes another.
    this.#delays.add(this.#mood.late("tellLate"), () => {
      const first = untold.shift() as Uint8Array;
      if (untold.length === 0) this.#told.delete(from);
      const given = sink();
      if (given === undefined) return;
      this.count++;
      given.told(from, first);
    });
  }

  /** The nodes have changed. */
  changed(alive: readonly string[], sink: () => BrokerSink | undefined): void {
    this.#view ??= this.#inner.nodes();
    this.#views.push(alive);
    this.#delays.add(this.#mood.late("tellLate"), () => {
      const view = this.#views.shift() as readonly string[];
      const given = sink();
      this.#view = given === undefined ? [] : view;
      given?.nodes(view);
    });
  }

  close(): void {
    this.#view = undefined;
  }

  async #inLine(before: Promise<unknown> | undefined, ms: number): Promise<void> {
    const turn = Promise.all([before, this.#delays.wait(ms)]);
    this.#before = turn;
    await turn;
    if (this.#before === turn) this.#before = undefined;
  }
}
