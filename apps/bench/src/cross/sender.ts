import type { Mode } from "./api.ts";
import type { CrossNode } from "./row.ts";
import { nowUs, textOf } from "./text.ts";

/** Publishes numbered messages, and keeps so many in flight. */
export class Sender {
  readonly #node: CrossNode;
  readonly #inFlight: number;
  #mode: Mode | undefined;
  #sent = 0;
  #received = 0;
  #timer: NodeJS.Timeout | undefined;
  #isTurning = false;

  constructor(node: CrossNode, inFlight: number) {
    this.#node = node;
    this.#inFlight = inFlight;
  }

  get sent(): number {
    return this.#sent;
  }

  start(mode: Mode): void {
    this.#mode = mode;
    if (mode === "batched") this.#fill();
    if (mode === "single") this.#turn();
    if (mode === "paced") this.#pace();
  }

  stop(): void {
    this.#mode = undefined;
    clearInterval(this.#timer);
  }

  /** So many have come in all. */
  received(count: number): void {
    this.#received = count;
    if (this.#mode === "batched") this.#fill();
    if (this.#mode === "single") this.#turn();
  }

  get #hasRoom(): boolean {
    return this.#mode !== undefined && this.#sent - this.#received < this.#inFlight;
  }

  #fill(): void {
    while (this.#hasRoom) this.#publish();
  }

  #turn(): void {
    if (this.#isTurning || !this.#hasRoom) return;
    this.#isTurning = true;
    this.#publish();
    setImmediate(() => {
      this.#isTurning = false;
      this.#turn();
    });
  }

  #pace(): void {
    const start = performance.now();
    let done = 0;
    this.#timer = setInterval(() => {
      for (const due = performance.now() - start; done < due; done++) this.#publish();
    }, 1);
  }

  #publish(): void {
    const settled = this.#node.publish(textOf(++this.#sent, nowUs()));
    // A rejection shows as a loss.
    if (settled instanceof Promise) settled.catch(() => {});
  }
}
