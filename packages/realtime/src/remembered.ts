import { FairMap } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Encoded } from "./frames.ts";

/** A reply that is to be remembered. */
export interface Reply {
  readonly name: string;
  /** Whose it is. Of too many replies one of an owner who has the most is forgotten. */
  readonly owner: string;
  readonly payload: Encoded;
}

/** A reply with what `save` needs. */
export interface SavedReply extends Reply {
  readonly leftMs: number;
}

interface Entry {
  readonly payload: Encoded;
  readonly bytes: number;
  readonly endsAt: number;
}

interface Bounds {
  readonly clock: Clock;
  readonly windowMs: number;
  readonly maxReplies: number;
  readonly maxBytes: number;
}

/** What an entry takes beside its name and its payload, about. */
const ENTRY_BYTES = 200;

/** The replies to requests with a key, the oldest first. All are remembered for the same time, so the first one ends first. */
export class Remembered {
  readonly #entries = new FairMap<Entry>();
  readonly #bounds: Bounds;
  #bytes = 0;
  #timer: Timer | undefined;

  constructor(bounds: Bounds) {
    this.#bounds = bounds;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** @returns an object, since the payload of a reply may be nothing. */
  get(name: string): { readonly payload: Encoded } | undefined {
    const entry = this.#entries.get(name);
    return entry === undefined || entry.endsAt <= this.#bounds.clock.now() ? undefined : entry;
  }

  /** @param leftMs How long it is remembered. It must be at least as long as for the replies that are remembered already. */
  add({ name, owner, payload }: Reply, leftMs: number = this.#bounds.windowMs): void {
    const { clock, maxReplies, maxBytes } = this.#bounds;
    this.#forget(this.#entries.delete(name));
    const bytes = ENTRY_BYTES + 2 * name.length + bytesOf(payload);
    if (bytes > maxBytes) return;
    // What the application does with its buffer afterwards is not to change the reply, nor is a part of a large one to keep all of it.
    const own = typeof payload === "object" ? new Uint8Array(payload) : payload;
    this.#entries.set(name, { payload: own, bytes, endsAt: clock.now() + leftMs }, { owner, weight: 1 / maxReplies + bytes / maxBytes });
    this.#bytes += bytes;
    while (this.#entries.size > maxReplies || this.#bytes > maxBytes) this.#forget(this.#entries.evict()?.[1]);
    this.#arm();
  }

  /** The replies that are still remembered. */
  saved(): SavedReply[] {
    const now = this.#bounds.clock.now();
    const saved: SavedReply[] = [];
    for (const [name, { payload, endsAt }, owner] of this.#entries.entries()) if (endsAt > now) saved.push({ name, owner, payload, leftMs: endsAt - now });
    return saved;
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#entries.clear();
    this.#bytes = 0;
  }

  /** Of what was taken out. */
  #forget(entry: Entry | undefined): void {
    this.#bytes -= entry?.bytes ?? 0;
  }

  #first(): readonly [name: string, entry: Entry] | undefined {
    for (const [name, entry] of this.#entries.entries()) return [name, entry];
    return undefined;
  }

  /** One timer, for the first to end. */
  #arm(): void {
    const first = this.#first();
    if (this.#timer !== undefined || first === undefined) return;
    const { clock } = this.#bounds;
    this.#timer = clock.after(Math.max(0, first[1].endsAt - clock.now()), () => {
      this.#timer = undefined;
      const now = clock.now();
      for (let next = this.#first(); next !== undefined && next[1].endsAt <= now; next = this.#first()) this.#forget(this.#entries.delete(next[0]));
      this.#arm();
    });
  }
}

function bytesOf(payload: Encoded): number {
  return typeof payload === "string" ? 2 * payload.length : (payload?.byteLength ?? 0);
}
