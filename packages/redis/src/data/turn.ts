import { failed } from "./failures.ts";
import { withResolvers } from "./with-resolvers.ts";

/** What is subscribed in one turn of the event loop: one command, and one answer for all of it. */
export class Turn {
  /** Since when this node hears what is published there; `undefined` until it does. */
  heardSince: number | undefined;
  #state: "asked" | "acknowledged" | "refused" = "asked";
  #settled = withResolvers<undefined>();

  constructor() {
    this.#ignore();
  }

  /** Fulfils when the server has acknowledged it, or this node is cut off from the server. Rejects when the server refuses it. */
  get settled(): Promise<undefined> {
    return this.#settled.promise;
  }

  get isAcknowledged(): boolean {
    return this.#state === "acknowledged";
  }

  /** It has to be asked for again. */
  get isRefused(): boolean {
    return this.#state === "refused";
  }

  acknowledge(now: number): void {
    this.#state = "acknowledged";
    this.#hear(now);
  }

  /** This node hears itself alone, until the driver is back and has subscribed all that it was asked for. */
  isAway(now: number): void {
    if (this.#state !== "asked") return;
    this.#hear(now);
    // What is subscribed from now on waits for the driver's return.
    this.#settled = withResolvers();
    this.#ignore();
  }

  refuse(error: unknown): void {
    this.#state = "refused";
    this.#settled.reject(failed("subscribe", error));
  }

  #hear(now: number): void {
    this.heardSince ??= now;
    this.#settled.resolve(undefined);
  }

  /** A turn need not have subscribes that wait for it. */
  #ignore(): void {
    this.#settled.promise.catch(() => {});
  }
}
