import type { Clock } from "@upwire/core";
import { watch, type Timer } from "@upwire/core/adapter";
import { ItemKind, oneItem } from "./control.ts";
import type { Kept } from "./kept.ts";
import type { Nodes } from "./nodes.ts";
import type { Asked, AskOptions } from "./types.ts";

/** Questions that may wait for answers at the same time. */
const MAX_ASKING = 10_000;
/** Questions that the broker has not taken over yet, at most; what would be more is not asked. Bytes. */
const MAX_UNTAKEN_BYTES = 16 * 1024 * 1024;
/** How often their deadlines are looked at, if there are any. Milliseconds. */
const TICK_MS = 100;

interface Pending {
  readonly deadline: number;
  /** The nodes that have not answered. */
  readonly waiting: Set<string>;
  readonly answers: Map<string, unknown>;
  readonly missing: string[];
  readonly until: ((answer: unknown) => boolean) | undefined;
  /** Whether the broker has taken the question over; `undefined` while it has not said it. */
  delivery: Asked["delivery"] | undefined;
  readonly resolve: (asked: Asked) => void;
}

interface QuestionsSetup {
  readonly clock: Clock;
  readonly nodes: Nodes;
  readonly timeoutMs: number;
  readonly tell: (node: string | undefined, data: Uint8Array, options?: { readonly keepMs: number }) => Promise<void>;
  readonly kept: Kept;
  readonly isUp: () => boolean;
  readonly report: (error: unknown) => void;
}

/** The questions that this node asks others. */
export class Questions {
  /** Questions over the most that may wait. */
  refused = 0;
  readonly #setup: QuestionsSetup;
  readonly #pending = new Map<number, Pending>();
  #next = 1;
  #untakenBytes = 0;
  #timer: Timer | undefined;

  constructor(setup: QuestionsSetup) {
    this.#setup = setup;
  }

  get size(): number {
    return this.#pending.size;
  }

  /** @param json The question. */
  ask(node: string | undefined, json: string, { keepMs = 0, timeoutMs = this.#setup.timeoutMs, until }: AskOptions): Promise<Asked> {
    const { clock, nodes } = this.#setup;
    const asked = node === undefined ? nodes.others : [node];
    const waiting = asked.filter((one) => nodes.others.includes(one));
    const missing = asked.filter((one) => !waiting.includes(one));
    if (waiting.length === 0 && keepMs === 0) {
      return Promise.resolve({ answers: new Map(), missing, delivery: this.#setup.isUp() ? "cluster" : "local-only" });
    }
    if (this.#pending.size >= MAX_ASKING) {
      this.refused++;
      return Promise.resolve({ answers: new Map(), missing: asked, delivery: "local-only" });
    }
    const id = this.#next++;
    return new Promise((resolve) => {
      const deadline = clock.now() + timeoutMs;
      this.#pending.set(id, { deadline, waiting: new Set(waiting), answers: new Map(), missing, until, delivery: undefined, resolve });
      this.#timer ??= clock.after(TICK_MS, this.#tick);
      void this.#tell(id, node, json, keepMs);
    });
  }

  /** @param json `undefined` when the node could not answer. */
  answered(id: number, from: string, json: string | undefined): void {
    const pending = this.#pending.get(id);
    if (pending === undefined || !pending.waiting.delete(from)) return;
    const answer = parsed(json);
    if (answer === undefined) {
      pending.missing.push(from);
    } else {
      pending.answers.set(from, answer);
      if (this.#isEnough(pending, answer)) return this.#end(id, pending);
    }
    this.#endIfDone(id, pending);
  }

  /** These nodes are gone. */
  gone(nodes: readonly string[]): void {
    for (const [id, pending] of this.#pending) {
      for (const node of nodes) if (pending.waiting.delete(node)) pending.missing.push(node);
      this.#endIfDone(id, pending);
    }
  }

  close(): void {
    this.#timer?.cancel();
    for (const [id, pending] of this.#pending) this.#giveUp(id, pending);
  }

  async #tell(id: number, node: string | undefined, json: string, keepMs: number): Promise<void> {
    const data = oneItem(ItemKind["question"], (content) => {
      content.number(id);
      content.text(json);
    });
    let delivery: Asked["delivery"] = "cluster";
    try {
      await this.#hand(node, data, keepMs);
    } catch {
      delivery = "local-only";
      this.#setup.kept.add(node, data, keepMs);
    }
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    pending.delivery = delivery;
    if (delivery === "local-only") this.#giveUp(id, pending);
    else this.#endIfDone(id, pending);
  }

  /** Rejects at once when too much waits for the broker. */
  async #hand(node: string | undefined, data: Uint8Array, keepMs: number): Promise<void> {
    const bytes = data.byteLength;
    if (this.#untakenBytes + bytes > MAX_UNTAKEN_BYTES) {
      this.refused++;
      throw new RangeError(`ask: the broker takes questions over too slowly; at most ${MAX_UNTAKEN_BYTES} bytes wait for it`);
    }
    this.#untakenBytes += bytes;
    try {
      await this.#setup.tell(node, data, keepMs === 0 ? undefined : { keepMs });
    } finally {
      this.#untakenBytes -= bytes;
    }
  }

  #isEnough({ until }: Pending, answer: unknown): boolean {
    const { report } = this.#setup;
    try {
      const isEnough = until?.(answer);
      // A promise is no answer here, and its rejection must not go unhandled.
      watch(isEnough, report);
      return isEnough === true;
    } catch (error) {
      report(error);
      return false;
    }
  }

  #endIfDone(id: number, pending: Pending): void {
    if (pending.waiting.size === 0 && (pending.delivery !== undefined || pending.answers.size > 0)) this.#end(id, pending);
  }

  readonly #tick = (): void => {
    const { clock } = this.#setup;
    const now = clock.now();
    for (const [id, pending] of this.#pending) if (now >= pending.deadline) this.#giveUp(id, pending);
    this.#timer = this.#pending.size === 0 ? undefined : clock.after(TICK_MS, this.#tick);
  };

  /** Ends it with the nodes that are silent as missing. */
  #giveUp(id: number, pending: Pending): void {
    pending.missing.push(...pending.waiting);
    this.#end(id, pending);
  }

  #end(id: number, { answers, missing, delivery, resolve }: Pending): void {
    this.#pending.delete(id);
    resolve({ answers, missing, delivery: delivery ?? (answers.size > 0 ? "cluster" : "local-only") });
  }
}

/** @returns `undefined` for what is no JSON: that is no answer. */
function parsed(json: string | undefined): unknown {
  try {
    return json === undefined ? undefined : JSON.parse(json);
  } catch {
    return undefined;
  }
}
