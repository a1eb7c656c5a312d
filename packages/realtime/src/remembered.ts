import type { Clock } from "@upwire/core";
import type { Timer } from "@upwire/core/adapter";
import type { Encoded } from "./frames.ts";

/** A reply with what `save` needs. */
export interface SavedReply {
  readonly name: string;
  readonly payload: Encoded;
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
  readonly #entries = new Map<string, Entry>();
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
  add(name: string, payload: Encoded, leftMs: number = this.#bounds.windowMs): void {
    const { clock, maxReplies, maxBytes } = this.#bounds;
    this.#delete(name);
    const bytes = ENTRY_BYTES + 2 * name.length + bytesOf(payload);
    if (bytes > maxBytes) return;
    // What the application does with its buffer afterwards is not to change the reply, nor is a part of a large one to keep all of it.
    const own = typeof payload === "object" ? new Uint8Array(payload) : payload;
    this.#entries.set(name, { payload: own, bytes, endsAt: clock.now() + leftMs });
    this.#bytes += bytes;
    while (this.#entries.size > maxReplies || this.#bytes > maxBytes) this.#delete(this.#first()[0]);
    this.#arm();
  }

  /** The replies that are still remembered. */
  saved(): SavedReply[] {
    const now = this.#bounds.clock.now();
    return [...this.#entries].filter(([, { endsAt }]) => endsAt > now).map(([name, { payload, endsAt }]) => ({ name, payload, leftMs: endsAt - now }));
  }

  clear(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#entries.clear();
    this.#bytes = 0;
  }

  #first(): readonly [name: string, entry: Entry] {
    // Only asked where there is one.
    return this.#entries.entries().next().value as [string, Entry];
  }

  #delete(name: string): void {
    const entry = this.#entries.get(name);
    if (entry === undefined) return;
    this.#entries.delete(name);
    this.#bytes -= entry.bytes;
  }

  /** One timer, for the first to end. */
  #arm(): void {
    if (this.#timer !== undefined || this.#entries.size === 0) return;
    const { clock } = this.#bounds;
    this.#timer = clock.after(Math.max(0, this.#first()[1].endsAt - clock.now()), () => {
      this.#timer = undefined;
      const now = clock.now();
      while (this.#entries.size > 0 && this.#first()[1].endsAt <= now) this.#delete(this.#first()[0]);
      this.#arm();
    });
  }
}

function bytesOf(payload: Encoded): number {
  return typeof payload === "string" ? 2 * payload.length : (payload?.byteLength ?? 0);
}
