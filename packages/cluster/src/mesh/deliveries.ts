import type { BrokerPublication, BrokerSink } from "../broker/broker.ts";

/** Calls the hooks of the node one after the other: what a hook brings about is told once that hook has returned. */
export class Deliveries {
  readonly counts: { received: number; lost: number; told: number } = { received: 0, lost: 0, told: 0 };
  #sink: BrokerSink | undefined;
  #waiting: ((sink: BrokerSink) => void)[] = [];
  #isCalling = false;

  get hasSink(): boolean {
    return this.#sink !== undefined;
  }

  open(sink: BrokerSink): void {
    this.#sink = sink;
  }

  close(): void {
    this.#sink = undefined;
    this.#waiting = [];
  }

  message(topic: string, publication: BrokerPublication): void {
    if (this.#isCalling || this.#sink === undefined) {
      this.#waiting.push((sink) => {
        this.counts.received++;
        sink.message(topic, publication);
      });
      return;
    }
    this.#isCalling = true;
    this.counts.received++;
    try {
      this.#sink.message(topic, publication);
    } finally {
      this.#isCalling = false;
    }
    if (this.#waiting.length > 0) this.#callWaiting();
  }

  gap(topic: string): void {
    this.call((sink) => {
      this.counts.lost++;
      sink.gap(topic);
    });
  }

  told(from: string, data: Uint8Array): void {
    this.call((sink) => {
      this.counts.told++;
      sink.told(from, data);
    });
  }

  call(run: (sink: BrokerSink) => void): void {
    this.#waiting.push(run);
    if (!this.#isCalling) this.#callWaiting();
  }

  #callWaiting(): void {
    if (this.#sink === undefined) return;
    this.#isCalling = true;
    try {
      for (let at = 0; at < this.#waiting.length; at++) {
        // A hook may have closed the broker.
        if (this.#sink !== undefined) this.#waiting[at]?.(this.#sink);
      }
    } finally {
      this.#waiting = [];
      this.#isCalling = false;
    }
  }
}
