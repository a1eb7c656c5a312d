import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { PublishResult } from "../broker/broker.ts";
import { CastWindow } from "./cast-window.ts";
import type { Run } from "./control.ts";
import type { Nodes } from "./nodes.ts";
import type { Outbox } from "./outbox.ts";
import { PendingCast } from "./pending-cast.ts";
import type { Reach } from "./types.ts";

/** How often pending casts are looked at, if there are any. Milliseconds. */
const TICK_MS = 100;
/** A node that is silent is asked after this part of the time that a cast has. */
const ASKED_AT = 0.375;
/** The first number is below this: a small one is a short text. */
const FIRST_BELOW = 2 ** 20;

const NONE: readonly string[] = Object.freeze([]);

interface PendingSetup {
  readonly clock: Clock;
  readonly nodes: Nodes;
  readonly timeoutMs: number;
  readonly maxPending: number;
  /** By which nodes are asked whether a cast has come. */
  readonly outbox: Outbox;
}

/**
 * The casts whose answers are awaited. All wait equally long, so they stand in the order of their deadlines, and one timer
 * looks at the first of them.
 *
 * With the number of nodes to which the broker has handed a cast, it is complete when as many have answered: that is the common
 * case, and takes one answer of each. A node that does not answer has no name yet: only when answers stay away, or when the broker knows
 * no number, the silent nodes are asked by name.
 */
export class PendingCasts {
  /** Casts for which not all nodes answered. */
  incomplete = 0;
  /** Casts over the most that may wait. */
  refused = 0;
  readonly #setup: PendingSetup;
  // Only a node that a cast came to knows its number: an answer counts whichever node gives it.
  readonly #casts = new CastWindow(Math.floor(Math.random() * FIRST_BELOW));
  #timer: Timer | undefined;

  constructor(setup: PendingSetup) {
    this.#setup = setup;
  }

  get size(): number {
    return this.#casts.size;
  }

  /** @returns the cast, which ends by itself and calls `resolve`. */
  begin(address: string, resolve: (reach: Reach) => void): PendingCast {
    const cast = new PendingCast(address, this.#casts.next, this.#setup.clock.now(), resolve);
    if (this.#casts.size >= this.#setup.maxPending) {
      this.refused++;
      this.#casts.skip();
      return cast;
    }
    this.#casts.add(cast);
    this.#timer ??= this.#setup.clock.after(TICK_MS, this.#tick);
    return cast;
  }

  published(cast: PendingCast, { delivery, others }: PublishResult): void {
    if (delivery === "local-only") return this.#giveUp(cast);
    cast.publish = "done";
    cast.others = others;
    if (!this.#casts.has(cast)) return this.#finish(cast);
    if (cast.isAnswered) this.#finish(cast);
    else if (others === undefined && cast.asked === undefined) this.#check(cast);
  }

  /** The broker refused it, or does not know whether it has taken it. */
  failed(cast: PendingCast, { isDown }: { readonly isDown: boolean }): void {
    cast.publish = "failed";
    if (isDown || !this.#casts.has(cast)) this.#giveUp(cast);
    else if (cast.asked === undefined) this.#check(cast);
    else if (cast.isAnswered) this.#finish(cast);
  }

  /** A node tells that these casts came to it, and that `took` queues took each of them. */
  answered(node: string, run: Run, took: number): void {
    this.#casts.forRun(run.first, run.count, (cast) => {
      cast.noteSeen(node, took);
      if (cast.isAnswered) this.#finish(cast);
    });
  }

  /** A node tells that these casts did not come to it. */
  absent(node: string, run: Run): void {
    this.#casts.forRun(run.first, run.count, (cast) => {
      cast.noteAnswer(node);
      if (cast.isAnswered) this.#finish(cast);
    });
  }

  /** Ends all of them as they are. */
  close(): void {
    this.#timer?.cancel();
    this.#casts.forEach((cast) => {
      this.#finish(cast);
      return true;
    });
  }

  readonly #tick = (): void => {
    const { clock, timeoutMs } = this.#setup;
    const now = clock.now();
    this.#casts.forEach((cast) => {
      const age = now - cast.at;
      if (age >= timeoutMs) this.#finish(cast);
      else if (age < ASKED_AT * timeoutMs) return false;
      else if (cast.asked === undefined) this.#check(cast);
      return true;
    });
    this.#timer = this.#casts.size === 0 ? undefined : clock.after(TICK_MS, this.#tick);
  };

  /** Asks the silent nodes by name. */
  #check(cast: PendingCast): void {
    const { nodes, outbox } = this.#setup;
    const silent = nodes.others.filter((node) => !cast.isSeenBy(node));
    cast.asked = silent;
    if (cast.isAnswered) this.#finish(cast);
    else if (silent.length > 0 && silent.length === nodes.others.length) outbox.check(undefined, cast);
    else for (const node of silent) outbox.check(node, cast);
  }

  /** It has gone to no other node. */
  #giveUp(cast: PendingCast): void {
    this.#end(cast, this.#setup.nodes.others, "local-only");
  }

  #finish(cast: PendingCast): void {
    const { nodes } = this.#setup;
    const delivery = cast.publish === "done" || cast.seen > 0 ? "cluster" : "local-only";
    if (cast.publish === "done" && !cast.isShort) return this.#end(cast, NONE, delivery);
    const silent = cast.asked ?? nodes.others.filter((node) => !cast.isSeenBy(node));
    const gone = nodes.goneSince(cast.at).filter((node) => !cast.isSeenBy(node) && !silent.includes(node));
    this.#end(cast, [...silent, ...gone], delivery);
  }

  #end(cast: PendingCast, missing: readonly string[], delivery: Reach["delivery"]): void {
    this.#casts.delete(cast);
    if (cast.isSettled) return;
    if (missing.length > 0 || delivery === "local-only") this.incomplete++;
    cast.settle(missing, delivery);
  }
}
