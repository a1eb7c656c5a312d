import type { BrokerPublication } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import type { TestNode } from "./test-node.ts";

/**
 * What a node makes of a topic with history: it drops what it has had, and fetches what it lacks. All that its clients would get
 * stands in `delivered`.
 */
export class Follower {
  readonly delivered: string[] = [];
  /** How often the topic began again. */
  restarts = 0;
  /** Publications that the history did not have any more. */
  missed = 0;
  readonly #node: TestNode;
  readonly #topic: string;
  #epoch: string;
  #last: number;
  readonly #early = new Map<number, string>();
  #isFetching = false;

  constructor(node: TestNode, topic: string, position: Position | undefined) {
    this.#node = node;
    this.#topic = topic;
    this.#epoch = position?.epoch ?? "";
    this.#last = position?.offset ?? 0;
    node.on({
      message: (of, publication) => {
        if (of === topic) this.#message(publication);
      },
      top: (of, { epoch, offset }) => {
        if (of === topic && (epoch !== this.#epoch || offset > this.#last)) void this.#fetch();
      },
    });
  }

  #message({ data, position }: BrokerPublication): void {
    if (position === undefined) return;
    if (position.epoch !== this.#epoch) return void this.#fetch();
    if (position.offset <= this.#last) return;
    this.#early.set(position.offset, String(data));
    this.#take();
    if (this.#early.size > 0) void this.#fetch();
  }

  #take(): void {
    for (let data = this.#early.get(this.#last + 1); data !== undefined; data = this.#early.get(this.#last + 1)) {
      this.#early.delete(++this.#last);
      this.delivered.push(data);
    }
  }

  async #fetch(): Promise<void> {
    if (this.#isFetching) return;
    this.#isFetching = true;
    try {
      for (;;) {
        const page = await this.#node.broker.history(this.#topic, this.#last, 500);
        if (page.epoch !== this.#epoch) {
          this.restarts++;
          this.#epoch = page.epoch;
          this.#last = page.top;
          this.#early.clear();
          return;
        }
        if (page.first > this.#last + 1) {
          this.missed += page.first - this.#last - 1;
          this.#last = page.first - 1;
        }
        for (const { offset, data } of page.publications) if (offset > this.#last) this.#early.set(offset, String(data));
        this.#take();
        if (page.publications.length === 0 || this.#last >= page.top) return;
      }
    } catch {
      // Redis is away: the next top, at the latest a second later, tries again.
    } finally {
      this.#isFetching = false;
      for (const offset of this.#early.keys()) if (offset <= this.#last) this.#early.delete(offset);
    }
  }
}
