import { watch } from "@upwire/core/adapter";
import type { BrokerPublication, BrokerSink } from "../broker/broker.ts";
import { nameOf } from "./wire-name.ts";

/**
 * Calls the hooks of the node one after the other: what a hook brings about is told once that hook has returned. One that throws, or
 * rejects, keeps nothing from the next one. Topics come with their names on the way, and get their own back here.
 */
export class Deliveries {
  readonly counts: { received: number; lost: number; told: number } = { received: 0, lost: 0, told: 0 };
  readonly #failed: (error: unknown) => void;
  #sink: BrokerSink | undefined;
  #waiting: ((sink: BrokerSink) => unknown)[] = [];
  #isCalling = false;

  /** @param failed Gets what a hook throws. Must not throw. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

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
        return sink.message(nameOf(topic), publication);
      });
      return;
    }
    this.#isCalling = true;
    this.counts.received++;
    try {
      watch(this.#sink.message(nameOf(topic), publication), this.#failed);
    } catch (error) {
      this.#failed(error);
    }
    this.#isCalling = false;
    if (this.#waiting.length > 0) this.#callWaiting();
  }

  gap(topic: string): void {
    this.call((sink) => {
      this.counts.lost++;
      return sink.gap(nameOf(topic));
    });
  }

  told(from: string, data: Uint8Array): void {
    this.call((sink) => {
      this.counts.told++;
      return sink.told(from, data);
    });
  }

  call(run: (sink: BrokerSink) => unknown): void {
    this.#waiting.push(run);
    if (!this.#isCalling) this.#callWaiting();
  }

  #callWaiting(): void {
    if (this.#sink === undefined) return;
    this.#isCalling = true;
    for (let at = 0; at < this.#waiting.length; at++) {
      try {
        // A hook may have closed the broker.
        if (this.#sink !== undefined) watch(this.#waiting[at]?.(this.#sink), this.#failed);
      } catch (error) {
        this.#failed(error);
      }
    }
    this.#waiting = [];
    this.#isCalling = false;
  }
}
