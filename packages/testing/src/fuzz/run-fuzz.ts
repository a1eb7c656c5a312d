import { setTimeout as delay } from "node:timers/promises";
import { targetOf } from "../target.ts";
import type { HandshakeInit } from "../handshake-request.ts";
import { talksOf } from "./corpus.ts";
import type { FuzzPages } from "./before.ts";
import { Coverage, type StateCount } from "./coverage.ts";
import { handshakeSeeds } from "./handshake-seeds.ts";
import { createInput } from "./input.ts";
import type { HandshakeCorpus } from "./mutate-handshake.ts";
import { Player, type Wrong } from "./play.ts";
import { Probe } from "./probe.ts";
import { v1Talks } from "./v1-talks.ts";

export interface FuzzOptions {
  /** The same seed gives the same inputs. @default a random one, which the report tells */
  readonly seed?: number;
  /** Ends after so many. @default 10000, when `minutes` is not given */
  readonly inputs?: number;
  /** Ends after so long. */
  readonly minutes?: number;
  /** Number of the first input. @default 0 */
  readonly from?: number;
  /** Only these inputs, one after the other on one connection: to see again what was found. */
  readonly only?: readonly number[];
  /** Connections at the same time. @default 128 */
  readonly concurrency?: number;
  /** Longest wait for one thing that the server has to do. Milliseconds. @default 10000 */
  readonly timeoutMs?: number;
  /** Added to every handshake: `Origin`, `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** The server lets every page in; otherwise a 101 for a foreign `Origin` is a finding. @default false */
  readonly anyOrigin?: boolean;
  /** The server speaks `upwire.v1` to clients that offer it, and echoes to others: most inputs are then messages of that. @default false */
  readonly v1?: boolean;
  /** More handshakes to begin from. */
  readonly handshakes?: readonly HandshakeInit[];
  /** Pages to ask for before an upgrade, on the same connection. @default { quick: "/" } */
  readonly pages?: FuzzPages;
  /** What went wrong inside the server so far, such as uncaught exceptions. Asked with every probe. */
  readonly faults?: () => Promise<readonly string[]> | readonly string[];
  /** Starts the server anew when it serves nobody any more, and returns its URL; then the guilty input can be found. */
  readonly restart?: () => Promise<string | URL>;
  /** Called with every probe. */
  readonly onProgress?: (report: FuzzReport) => void;
}

/** Something that a server must not do. */
export interface FuzzFinding {
  /** Inputs to repeat with `only`. Of several, each was under way when it happened, or was sent on the connection before. */
  readonly inputs: readonly number[];
  readonly why: string;
  /** How often it was seen. */
  readonly times: number;
}

export interface FuzzReport {
  readonly seed: number;
  /** Mutated byte sequences that were sent. */
  readonly inputs: number;
  readonly connections: number;
  /** Inputs that had other requests before the upgrade on the same connection. */
  readonly withSomethingBefore: number;
  /** What states the connections were in before the upgrade, and how they were cut into packets. */
  readonly states: readonly StateCount[];
  /** Good clients that were served meanwhile. */
  readonly probes: number;
  readonly findings: readonly FuzzFinding[];
  /** How many inputs led to what. */
  readonly outcomes: Readonly<Record<string, number>>;
  readonly seconds: number;
}

/** Different ones; then the run ends. */
const MAX_FINDINGS = 20;
/** A good client for each so many inputs, or more often. */
const PROBE_EVERY = 32;
const RETRY_MS = 20;
/** So many of the inputs that end a server are looked for. */
const MAX_GUILTY = 3;

class Run {
  readonly #options: FuzzOptions;
  readonly #corpus: HandshakeCorpus;
  readonly #timeoutMs: number;
  readonly #seed: number;
  readonly #probe: Probe;
  /** By what was wrong. */
  readonly #findings = new Map<string, FuzzFinding>();
  readonly #coverage = new Coverage();
  readonly #outcomes = new Map<string, number>();
  readonly #start = performance.now();
  readonly #numbers: Iterator<number>;
  /** Inputs since the last good probe: one of them is guilty when the next one fails. */
  #suspects = new Set<number>();
  readonly #underWay = new Set<number>();
  /** Inputs that do harm by themselves. */
  readonly #guilty: { readonly number: number; readonly why: string }[] = [];
  #knownFaults = 0;
  #inputs = 0;
  #connections = 0;
  #isUnreachable = false;
  #isOver = false;
  #isBlamed = false;
  #url: URL;

  constructor(url: string | URL, options: FuzzOptions) {
    this.#options = options;
    this.#url = new URL(url);
    this.#timeoutMs = options.timeoutMs ?? 10_000;
    this.#seed = options.seed ?? Math.floor(Math.random() * 2 ** 31);
    const target = this.#target();
    this.#probe = new Probe(target, this.#timeoutMs);
    this.#corpus = {
      talks: talksOf(),
      v1Talks: options.v1 === true ? v1Talks() : undefined,
      seeds: [...handshakeSeeds, ...(options.handshakes ?? [])],
      authority: this.#url.host,
      path: target.path ?? "/",
      pages: { quick: "/", ...options.pages },
    };
    this.#numbers = this.#count();
  }

  async run(): Promise<FuzzReport> {
    const unfit = await this.#probe.fault();
    if (unfit !== undefined) throw new Error(`${this.#url.href} does not echo to a good client: ${unfit}`);
    this.#knownFaults = (await this.#options.faults?.())?.length ?? 0;
    const concurrency = this.#options.only === undefined ? Math.max(1, this.#options.concurrency ?? 128) : 1;
    const workers = Promise.all(Array.from({ length: concurrency }, () => this.#work())).finally(() => {
      this.#isOver = true;
    });
    await Promise.all([workers, this.#watch()]);
    // What the last inputs did shows a little later.
    if (!this.#isBlamed) await this.#check();
    this.#probe.end();
    return this.#report();
  }

  #target(): ReturnType<typeof targetOf> {
    return targetOf(this.#url, this.#options.headers ?? {});
  }

  *#count(): Generator<number> {
    const { only, from = 0, minutes, inputs = minutes === undefined ? 10_000 : Number.MAX_SAFE_INTEGER } = this.#options;
    if (only !== undefined) {
      yield* only;
      return;
    }
    const end = minutes === undefined ? Number.POSITIVE_INFINITY : this.#start + minutes * 60_000;
    for (let number = from; number < from + inputs && performance.now() < end && !this.#isOver; number++) yield number;
  }

  async #work(): Promise<void> {
    const player = this.#player();
    for (let next = this.#numbers.next(); next.done !== true && !this.#isOver; next = this.#numbers.next()) {
      await this.#play(player, next.value);
    }
    this.#connections += player.opened;
    player.end();
  }

  async #play(player: Player, number: number): Promise<void> {
    this.#underWay.add(number);
    this.#suspects.add(number);
    const outcome = await player.play(createInput(this.#seed, number, this.#corpus)).catch(() => undefined);
    this.#underWay.delete(number);
    if (outcome === undefined) {
      // No connection. The watch finds out whether there is a server; until then nobody goes on.
      this.#isUnreachable = true;
      await delay(RETRY_MS);
      return;
    }
    this.#inputs++;
    this.#outcomes.set(outcome, (this.#outcomes.get(outcome) ?? 0) + 1);
  }

  /** A good client, all the time. */
  async #watch(): Promise<void> {
    while (!this.#isOver) {
      // What is answered below says nothing about those that come from now on.
      const judged = this.#suspects;
      this.#suspects = new Set(this.#underWay);
      const why = await this.#fault();
      if (why !== undefined) await this.#blame(new Set([...judged, ...this.#suspects]), why);
      this.#options.onProgress?.(this.#report());
      // Not all the time: the inputs need the server too.
      while (this.#suspects.size < PROBE_EVERY && !this.#isUnreachable && !this.#isOver) await delay(1);
      this.#isUnreachable = false;
    }
  }

  async #check(): Promise<void> {
    const why = await this.#fault();
    if (why !== undefined) await this.#blame(this.#suspects, why);
  }

  async #fault(): Promise<string | undefined> {
    const why = await this.#probe.fault();
    if (why !== undefined) return `a good client is not served: ${why}`;
    const faults = (await this.#options.faults?.()) ?? [];
    const [news] = faults.slice(this.#knownFaults);
    this.#knownFaults = faults.length;
    return news;
  }

  /** Stops, and finds out which of the suspects did it. */
  async #blame(suspects: ReadonlySet<number>, why: string): Promise<void> {
    this.#isOver = true;
    this.#isBlamed = true;
    await this.#search([...suspects]);
    for (const { number, why: alone } of this.#guilty) this.#note([number], alone);
    if (this.#guilty.length === 0) this.#note([...suspects], `${why} (none of these inputs does it alone)`);
  }

  /** By halves: inputs that do no harm together are innocent. A server that hangs would otherwise cost a wait for each. */
  async #search(suspects: readonly number[]): Promise<void> {
    if (suspects.length === 0 || this.#guilty.length >= MAX_GUILTY || !(await this.#revive())) return;
    await Promise.all(suspects.map((number) => this.#replay(number)));
    const why = await this.#fault();
    if (why === undefined) return;
    const [number] = suspects;
    if (suspects.length === 1 && number !== undefined) {
      this.#guilty.push({ number, why });
      return;
    }
    const half = Math.ceil(suspects.length / 2);
    await this.#search(suspects.slice(0, half));
    await this.#search(suspects.slice(half));
  }

  async #replay(number: number): Promise<void> {
    const player = this.#player();
    await player.play(createInput(this.#seed, number, this.#corpus)).catch(() => {});
    // A reset or the end of the connection has to arrive before the server is judged.
    player.end();
  }

  /** Is there a server, or could one be started? */
  async #revive(): Promise<boolean> {
    const { restart } = this.#options;
    if (restart !== undefined && (await this.#probe.fault()) !== undefined) {
      this.#url = new URL(await restart());
      this.#knownFaults = 0;
      this.#probe.move(this.#target());
    }
    return (await this.#probe.fault()) === undefined;
  }

  #player(): Player {
    return new Player({
      target: this.#target(),
      timeoutMs: this.#timeoutMs,
      anyOrigin: this.#options.anyOrigin ?? false,
      coverage: this.#coverage,
      onWrong: (wrong) => this.#hear(wrong),
    });
  }

  async #hear(wrong: Wrong): Promise<void> {
    // A server that answers nobody is not the fault of this input: the watch finds out whose it is.
    if (wrong.isLate && (this.#isBlamed || (await new Probe(this.#target(), this.#timeoutMs).fault()) !== undefined)) return;
    this.#note(wrong.numbers, wrong.why);
  }

  #note(inputs: readonly number[], why: string): void {
    const { times = 0, ...first } = this.#findings.get(why) ?? { inputs, why };
    this.#findings.set(why, { ...first, times: times + 1 });
    if (this.#findings.size >= MAX_FINDINGS) this.#isOver = true;
  }

  #report(): FuzzReport {
    return {
      seed: this.#seed,
      inputs: this.#inputs,
      connections: this.#connections,
      withSomethingBefore: this.#coverage.withSomethingBefore,
      states: this.#coverage.states,
      probes: this.#probe.count,
      findings: [...this.#findings.values()],
      outcomes: Object.fromEntries([...this.#outcomes].toSorted(([, a], [, b]) => b - a)),
      seconds: (performance.now() - this.#start) / 1000,
    };
  }
}

/**
 * Sends mutated frames and handshakes to a server that echoes, and judges every byte that comes back. Meanwhile good
 * clients must be served.
 * @param url `ws:` or `wss:`
 * @throws Error when there is no echo server, TypeError for another kind of URL.
 */
export async function runFuzz(url: string | URL, options: FuzzOptions = {}): Promise<FuzzReport> {
  return new Run(url, options).run();
}
