/** A message of the room, as far as it is counted. */
interface Counted {
  readonly from: string;
  /** From 1 on, for each sender. */
  readonly n: number;
  /** The number of the server that it came through. */
  readonly via: number;
}

/** What has come from one tab. */
export interface Sender {
  readonly name: string;
  received: number;
  lost: number;
  doubled: number;
  /** The server that its newest message came through. */
  via: number;
  last: number;
}

/** Counts what has come from each tab. Nothing that came before the first message is missed. */
export class Tally {
  readonly #senders = new Map<string, Sender>();

  get senders(): readonly Sender[] {
    return [...this.#senders.values()];
  }

  /** Of all senders together. */
  get total(): { readonly received: number; readonly lost: number; readonly doubled: number } {
    const sum = (of: "received" | "lost" | "doubled"): number => this.senders.reduce((total, sender) => total + sender[of], 0);
    return { received: sum("received"), lost: sum("lost"), doubled: sum("doubled") };
  }

  add({ from, n, via }: Counted): void {
    const sender = this.#senders.get(from) ?? { name: from, received: 0, lost: 0, doubled: 0, via, last: n - 1 };
    this.#senders.set(from, sender);
    if (n <= sender.last) {
      sender.doubled++;
      return;
    }
    sender.received++;
    sender.lost += n - sender.last - 1;
    sender.last = n;
    sender.via = via;
  }
}
