import { Histogram } from "./histogram.ts";
import { MAX_PUBLISHERS } from "./stamp.ts";

export interface TrafficShape {
  /** Clients that are to get everything of their group. Client `i` is in group `i % groups`. */
  readonly clients: number;
  readonly groups: number;
  readonly publishersPerGroup: number;
  /** Most messages of one publisher on their way at once. */
  readonly outstanding: number;
}

/** Who has sent what, who has got it, and whether in order: one number for each sender that a client hears. */
export class Traffic {
  readonly publishers: number;
  /** Of what was to be sent since `openWindow`. */
  readonly latencies: Histogram = new Histogram();
  readonly #shape: TrafficShape;
  readonly #ring: number;
  /** Per publisher and message under way: when it was to be sent, and how many have yet to get it. */
  readonly #planned: Float64Array;
  readonly #missing: Int32Array;
  readonly #sent: Int32Array;
  /** Per client and publisher of its group: the sequence number to come. */
  readonly #next: Int32Array;
  readonly #members: Int32Array;
  #expectedDeliveries = 0;
  #windowStart = Infinity;

  /** When the chunk being read came, by `performance.now`. */
  now = 0;
  deliveries = 0;
  disorders = 0;
  /** What will not come any more: skipped, or meant for a client that is gone. */
  lost = 0;
  goneClients = 0;
  /** Called when all have got a message. */
  onComplete: (publisher: number) => void = () => {};

  constructor(shape: TrafficShape) {
    const { clients, groups, publishersPerGroup, outstanding } = shape;
    this.publishers = groups * publishersPerGroup;
    if (this.publishers > MAX_PUBLISHERS) throw new RangeError("more publishers than a stamp can name");
    this.#shape = shape;
    this.#ring = 2 ** Math.ceil(Math.log2(outstanding));
    this.#planned = new Float64Array(this.publishers * this.#ring);
    this.#missing = new Int32Array(this.publishers * this.#ring);
    this.#sent = new Int32Array(this.publishers);
    this.#next = new Int32Array(clients * publishersPerGroup);
    this.#members = new Int32Array(groups);
    for (let client = 0; client < clients; client++) this.#members[client % groups]!++;
  }

  /** The client that sends as this publisher. */
  clientOf(publisher: number): number {
    const { groups, publishersPerGroup } = this.#shape;
    return (publisher % publishersPerGroup) * groups + Math.floor(publisher / publishersPerGroup);
  }

  /** Notes a message that is about to be sent. @returns its sequence number. */
  sending(publisher: number, planned: number): number {
    const sequence = this.#sent[publisher]!++;
    const slot = this.#slot(publisher, sequence);
    const members = this.#members[this.#groupOf(publisher)]!;
    this.#planned[slot] = planned;
    this.#missing[slot] = members;
    this.#expectedDeliveries += members;
    return sequence;
  }

  delivered(client: number, publisher: number, sequence: number): void {
    const { groups, publishersPerGroup } = this.#shape;
    const first = (client % groups) * publishersPerGroup;
    if (publisher < first || publisher >= first + publishersPerGroup || sequence >= this.#sent[publisher]!) {
      this.disorders++;
      return;
    }
    const at = client * publishersPerGroup + publisher - first;
    const expected = this.#next[at]!;
    if (sequence !== expected) {
      this.disorders++;
      if (sequence < expected) return;
      // What was skipped will not come any more, and nobody should wait for it.
      for (let skipped = expected; skipped < sequence; skipped++) this.#lose(publisher, skipped);
    }
    this.#next[at] = sequence + 1;
    this.deliveries++;
    const planned = this.#planned[this.#slot(publisher, sequence)]!;
    if (planned >= this.#windowStart) this.latencies.add(this.now - planned);
    this.#settle(publisher, sequence);
  }

  /** A client is gone: it gets nothing any more. */
  dropped(client: number): void {
    const { clients, groups, publishersPerGroup } = this.#shape;
    // Beyond are those that stopped reading.
    if (client >= clients) return;
    this.goneClients++;
    const group = client % groups;
    this.#members[group]!--;
    for (let i = 0; i < publishersPerGroup; i++) {
      const publisher = group * publishersPerGroup + i;
      const next = this.#next[client * publishersPerGroup + i]!;
      for (let missed = next; missed < this.#sent[publisher]!; missed++) this.#lose(publisher, missed);
    }
  }

  openWindow(): void {
    this.#windowStart = performance.now();
  }

  /** Deliveries that are still to come. */
  get outstanding(): number {
    return this.#expectedDeliveries - this.deliveries - this.lost;
  }

  #lose(publisher: number, sequence: number): void {
    this.lost++;
    this.#settle(publisher, sequence);
  }

  #settle(publisher: number, sequence: number): void {
    if (--this.#missing[this.#slot(publisher, sequence)]! === 0) this.onComplete(publisher);
  }

  #slot(publisher: number, sequence: number): number {
    return publisher * this.#ring + (sequence & (this.#ring - 1));
  }

  #groupOf(publisher: number): number {
    return Math.floor(publisher / this.#shape.publishersPerGroup);
  }
}
