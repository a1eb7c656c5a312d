import { setTimeout } from "node:timers/promises";
import type { Broker, BrokerPublication } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { lossOf, type Loss } from "./loss.ts";

const PAGE = 500;
const RETRY_MS = 100;

/** Follows one topic with history as a node does: drops what it has had by offset, and fetches what it lacks. */
export class Follower {
  readonly came: string[] = [];
  /** How much had come each time when the topic began anew. */
  readonly anew: number[] = [];
  readonly #broker: Broker;
  readonly #topic: string;
  readonly #wait: (ms: number) => Promise<unknown>;
  #epoch = "";
  #last = 0;
  #isFilling = false;
  /** The newest position that was told or shown. */
  #shown: Position | undefined;

  constructor(broker: Broker, topic: string, wait: (ms: number) => Promise<unknown> = setTimeout) {
    this.#broker = broker;
    this.#topic = topic;
    this.#wait = wait;
  }

  get begunAnew(): number {
    return this.anew.length;
  }

  /** Whether a publication is missing here that was acknowledged. */
  lossOf(name: string): Loss {
    return lossOf(name, this);
  }

  begin({ epoch, offset }: Position): void {
    if (this.#epoch !== "") return;
    this.#epoch = epoch;
    this.#last = offset;
    if (this.#shown !== undefined) this.top(this.#shown);
  }

  message({ data, position }: BrokerPublication): void {
    if (position === undefined) throw new Error("a publication of a topic with history has no position");
    if (this.#epoch !== "" && !this.#isFilling && position.epoch === this.#epoch && position.offset === this.#last + 1) {
      this.#last++;
      this.came.push(String(data));
    } else this.top(position);
  }

  top(position: Position): void {
    this.#shown = position;
    if (this.#epoch === "" || this.#isFilling) return;
    if (position.epoch === this.#epoch && position.offset <= this.#last) return;
    this.#isFilling = true;
    void this.#fill();
  }

  async #fill(): Promise<void> {
    for (;;) {
      try {
        const page = await this.#broker.history(this.#topic, this.#last, PAGE);
        if (page.epoch !== this.#epoch && page.epoch !== "") {
          this.#epoch = page.epoch;
          this.#last = 0;
          this.anew.push(this.came.length);
          continue;
        }
        for (const { offset, data } of page.publications) {
          if (offset <= this.#last) continue;
          this.#last = offset;
          this.came.push(String(data));
        }
        if (this.#last < page.top) continue;
        // What came in the meantime is in the history.
        if (this.#shown?.epoch === this.#epoch && this.#shown.offset > this.#last) continue;
        this.#isFilling = false;
        return;
      } catch {
        await this.#wait(RETRY_MS);
        if (this.#broker.state() === "down") return;
      }
    }
  }
}
