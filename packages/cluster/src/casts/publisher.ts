import { RealtimeError } from "@upwire/protocol";
import type { Broker, BrokerData, PublishResult } from "../broker/broker.ts";
import { originPrefix, writeOrigin } from "./origins.ts";
import type { PendingCast } from "./pending-cast.ts";
import type { PendingCasts } from "./pending-casts.ts";
import type { CastOptions } from "./types.ts";
import { packOptions } from "./with-options.ts";

interface PublisherSetup {
  readonly broker: Broker;
  readonly pending: PendingCasts;
  readonly report: (error: unknown) => void;
}

/** Gives the casts of this node to the broker, and tells each what became of that. */
export class Publisher {
  readonly #setup: PublisherSetup;
  readonly #prefix: string;
  /** The publish that was begun last, with the casts that it brings. */
  #last: { readonly promise: Promise<PublishResult>; readonly casts: PendingCast[] } | undefined;

  constructor(setup: PublisherSetup) {
    this.#setup = setup;
    this.#prefix = originPrefix(setup.broker.node);
  }

  publish(cast: PendingCast, data: BrokerData, options: CastOptions | undefined): void {
    const { broker } = this.#setup;
    const hasOptions = options !== undefined && (options.key !== undefined || options.mustArrive === true);
    const origin = writeOrigin(this.#prefix, cast.number, { hasOptions });
    const promise = broker.publish(cast.address, hasOptions ? packOptions(data, options) : data, { origin });
    // A broker may give what goes out together one promise: then one reaction serves them all.
    if (promise === this.#last?.promise) return void this.#last.casts.push(cast);
    const casts = [cast];
    this.#last = { promise, casts };
    promise.then(
      (result) => this.#published(casts, result),
      (error: unknown) => this.#failed(casts, error),
    );
  }

  #published(casts: readonly PendingCast[], result: PublishResult): void {
    this.#last = undefined;
    for (const cast of casts) this.#setup.pending.published(cast, result);
  }

  #failed(casts: readonly PendingCast[], error: unknown): void {
    const { broker, pending, report } = this.#setup;
    this.#last = undefined;
    if (!isUnavailable(error)) report(error);
    for (const cast of casts) pending.failed(cast, { isDown: broker.state() === "down" });
  }
}

function isUnavailable(error: unknown): boolean {
  return error instanceof RealtimeError && error.code === "unavailable";
}
