import type { Published } from "./judge/log.ts";
import type { PublisherNote, Settled } from "./traffic.ts";
import type { Expected } from "./visitors/api.ts";

interface Entry {
  readonly topic: string;
  readonly publisher: string;
  readonly at: number;
  settled: Settled | undefined;
}

/** Every publish of a round, with what became of it. */
export class Ledger {
  /** By topic, publisher and number. */
  readonly #entries = new Map<string, Map<string, Entry[]>>();
  /** Rejections by what they say. */
  readonly reasons: Map<string, number> = new Map();
  #acknowledged = 0;

  get acknowledged(): number {
    return this.#acknowledged;
  }

  note(said: PublisherNote): void {
    if (said.kind === "settled") {
      for (const settled of said.settled) this.#settle(settled);
      return;
    }
    const { topic, publisher, from, to, at } = said;
    const entries = this.#of(topic, publisher);
    for (let n = from; n <= to; n++) entries[n - 1] = { topic, publisher, at, settled: undefined };
  }

  /** The last of each publisher that was acknowledged: what every listener has to get, or hear of. */
  expected(): Expected {
    return Object.fromEntries(
      [...this.#entries].map(([topic, publishers]) => [
        topic,
        Object.fromEntries(
          [...publishers].map(([publisher, entries]) => [publisher, entries.findLastIndex(({ settled }) => settled?.outcome === "acknowledged") + 1]),
        ),
      ]),
    );
  }

  published(): Published[] {
    return [...this.#entries.values()].flatMap((publishers) =>
      [...publishers.values()].flatMap((entries) =>
        entries.map(({ topic, publisher, at, settled }, index) => ({
          topic,
          publisher,
          at,
          n: index + 1,
          outcome: settled?.outcome ?? "unanswered",
          ...(settled?.offset !== undefined && { offset: settled.offset }),
        })),
      ),
    );
  }

  #settle(settled: Settled): void {
    const entry = this.#of(settled.topic, settled.publisher)[settled.n - 1];
    if (entry === undefined) return;
    entry.settled = settled;
    if (settled.outcome === "acknowledged") this.#acknowledged++;
    if (settled.why !== undefined) this.reasons.set(settled.why, (this.reasons.get(settled.why) ?? 0) + 1);
  }

  #of(topic: string, publisher: string): Entry[] {
    const publishers = this.#entries.get(topic) ?? new Map<string, Entry[]>();
    this.#entries.set(topic, publishers);
    const entries = publishers.get(publisher) ?? [];
    publishers.set(publisher, entries);
    return entries;
  }
}
