import { isNodeName } from "@upwire/cluster/broker";
import type { RedisDriver } from "../driver/driver.ts";
import { replyArray, replyNumber, replyText } from "../driver/reply.ts";
import { keptScript } from "./scripts.ts";

export interface KeptReaderOptions {
  readonly driver: RedisDriver;
  readonly node: string;
  /** The key of what is kept. */
  readonly key: string;
  readonly told: (from: string, data: Uint8Array) => void;
}

const READ_AT_ONCE = 500;
/**
 * An entry's id is the time of the server that took it. Where another server has taken over, whose clock is behind, new entries stand before
 * what was read last: after a cut this node looks back so far. Milliseconds.
 */
const LOOK_BACK_MS = 60_000;
/** Entries that are remembered, so that none is told twice: as many as are kept. */
const REMEMBERED = 10_000;

/** Reads what other nodes have kept for this one, each once. */
export class KeptReader {
  readonly #options: KeptReaderOptions;
  readonly #known = new Set<string>();
  #first = "0-0";
  #last = "0-0";

  constructor(options: KeptReaderOptions) {
    this.#options = options;
  }

  /** What is kept up to this id was told before this node was there. */
  begin(top: string): void {
    this.#first = top;
    this.#last = top;
  }

  /** Whether all up to this id has been looked at. */
  has(id: string): boolean {
    return !isAfter(id, this.#last);
  }

  /** What is kept up to an entry that was just put there. @throws what the driver rejects with. */
  async upTo(id: string): Promise<void> {
    // Behind what was read already: by a read after a cut; or by a server whose clock is behind.
    if (this.has(id)) await this.#read(id, id);
    else await this.#read(`(${this.#last}`, id);
  }

  /** Everything, after a cut. @throws what the driver rejects with. */
  async all(): Promise<void> {
    const back = `${Math.max(0, Number(this.#last.split("-")[0]) - LOOK_BACK_MS)}-0`;
    await this.#read(`(${isAfter(back, this.#first) ? back : this.#first}`, "+");
  }

  async #read(from: string, to: string): Promise<void> {
    const { driver, node, key } = this.#options;
    for (let next = from, seen = READ_AT_ONCE; seen === READ_AT_ONCE;) {
      const [last, count, found] = replyArray(await driver.call({ script: keptScript, keys: [key], args: [next, node, READ_AT_ONCE, to] }));
      const id = replyText(last);
      if (isAfter(id, this.#last)) this.#last = id;
      next = `(${id}`;
      seen = replyNumber(count);
      const entries = replyArray(found);
      for (let at = 0; at + 2 < entries.length; at += 3) this.#tell(replyText(entries[at]), entries[at + 1], replyText(entries[at + 2]));
    }
  }

  #tell(from: string, data: unknown, number: string): void {
    const name = `${from} ${number}`;
    if (!isNodeName(from) || !/^\d+$/.test(number) || !Buffer.isBuffer(data) || this.#known.has(name)) return;
    for (const oldest of this.#known) {
      if (this.#known.size < REMEMBERED) break;
      this.#known.delete(oldest);
    }
    this.#known.add(name);
    this.#options.told(from, data);
  }
}

/** Ids of a stream: `<milliseconds>-<number>`. */
function isAfter(one: string, other: string): boolean {
  const [oneMs = 0, oneNumber = 0] = one.split("-").map(Number);
  const [otherMs = 0, otherNumber = 0] = other.split("-").map(Number);
  return oneMs > otherMs || (oneMs === otherMs && oneNumber > otherNumber);
}
