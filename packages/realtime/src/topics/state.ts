import type { Clock } from "@upwire/core";
import { RealtimeError } from "@upwire/protocol";
import { isTellable } from "../told.ts";
import { withDeadline } from "./deadline.ts";
import { RUNS_PER_TURN, type Turns } from "./turns.ts";

/** The state of a topic, as JSON, and the position that it belongs to: it covers everything up to it. */
export interface TopicState {
  readonly epoch: string;
  readonly offset: number;
  readonly json: string;
}

export type StateOutcome = { readonly state: TopicState } | { readonly error: RealtimeError };
type Waiting = (outcome: StateOutcome) => void;

export interface StateSetup {
  readonly clock: Clock;
  readonly stateTimeoutMs: number;
  readonly turns: Turns;
  /** Gets what the application's function fails with. */
  readonly report: (error: unknown) => void;
}

export interface StatefulTopic {
  readonly name: string;
  readonly epoch: string;
  readonly top: number;
  /** What follows this position must stay to be had, until `unpin`. */
  pin(): void;
  unpin(): void;
}

interface Computation {
  readonly epoch: string;
  readonly offset: number;
  waiting: Waiting[];
}

/** Computes the state of one topic: once for all that need it while it is computed. */
export class State {
  readonly #setup: StateSetup;
  readonly #topic: StatefulTopic;
  readonly #compute: () => unknown;
  #latest: Computation | undefined;
  readonly #running = new Map<Computation, () => void>();

  constructor(setup: StateSetup, topic: StatefulTopic, compute: () => unknown) {
    this.#setup = setup;
    this.#topic = topic;
    this.#compute = compute;
  }

  /** @param from The state must belong to this position or a later one. @param waiting Is called in a later microtask, once. @returns a function that calls it off. */
  need(from: number, waiting: Waiting): () => void {
    const latest = this.#latest;
    const computation = latest !== undefined && latest.epoch === this.#topic.epoch && latest.offset >= from ? latest : this.#begin();
    computation.waiting.push(waiting);
    return () => {
      const at = computation.waiting.indexOf(waiting);
      if (at >= 0) computation.waiting.splice(at, 1);
    };
  }

  stop(): void {
    for (const [computation, cancel] of this.#running) {
      cancel();
      computation.waiting = [];
      this.#topic.unpin();
    }
    this.#running.clear();
    this.#latest = undefined;
  }

  #begin(): Computation {
    const { clock, stateTimeoutMs: timeoutMs } = this.#setup;
    // The position first: what is published while the function runs may be in the state or not, and is sent in any case.
    const { epoch, top: offset } = this.#topic;
    const computation: Computation = { epoch, offset, waiting: [] };
    const late = (): RealtimeError => new RealtimeError("timeout", `state of ${JSON.stringify(this.#topic.name)} took more than ${timeoutMs} ms`);
    this.#topic.pin();
    this.#latest = computation;
    const cancel = withDeadline<unknown>({ clock, timeoutMs, call: this.#compute, late }, (outcome) => {
      if (this.#latest === computation) this.#latest = undefined;
      this.#tell(computation, "error" in outcome ? { error: this.#failed(outcome.error) } : this.#read(outcome.value, computation));
    });
    this.#running.set(computation, cancel);
    return computation;
  }

  /** Thousands may wait: not all of them in one turn. */
  #tell(computation: Computation, outcome: StateOutcome): void {
    for (const waiting of computation.waiting.splice(0, RUNS_PER_TURN)) waiting(outcome);
    if (computation.waiting.length > 0) return this.#setup.turns.add({ run: () => this.#tell(computation, outcome) });
    if (this.#running.delete(computation)) this.#topic.unpin();
  }

  #read(json: unknown, { epoch, offset }: Computation): StateOutcome {
    if (typeof json === "string" && json !== "") return { state: { epoch, offset, json } };
    return { error: this.#failed(new TypeError(`state of ${JSON.stringify(this.#topic.name)} gave ${typeof json}; give JSON text`)) };
  }

  /** What the application throws on purpose is for the client, and no fault. */
  #failed(error: unknown): RealtimeError {
    if (isTellable(error) && error.code !== "timeout") return error;
    this.#setup.report(error);
    return isTellable(error) ? error : new RealtimeError("internal", "the state of the topic cannot be had");
  }
}
