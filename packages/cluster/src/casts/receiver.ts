import { watch } from "@upwire/core/adapter";
import type { BrokerData, BrokerPublication } from "../broker/broker.ts";
import { OriginReader, originPrefix } from "./origins.ts";
import type { Outbox } from "./outbox.ts";
import type { Subscriptions } from "./subscriptions.ts";
import type { CastOptions, CastsOptions } from "./types.ts";
import { unpackOptions } from "./with-options.ts";

interface ReceiverSetup extends Pick<CastsOptions, "deliver" | "report"> {
  /** The name of this node, whose own casts come back. */
  readonly node: string;
  readonly subscriptions: Subscriptions;
  readonly outbox: Outbox;
}

/** Delivers the casts of other nodes to the members here, and answers how many queues took each. */
export class Receiver {
  /** Publications that no casts have made. */
  malformed = 0;
  readonly #setup: ReceiverSetup;
  readonly #ownPrefix: string;
  readonly #origins = new OriginReader();

  constructor(setup: ReceiverSetup) {
    this.#setup = setup;
    this.#ownPrefix = originPrefix(setup.node);
  }

  /** Never throws. */
  received(address: string, { data, origin }: BrokerPublication): void {
    const { subscriptions, outbox } = this.#setup;
    if (origin?.startsWith(this.#ownPrefix) === true) return;
    if (!this.#origins.read(origin)) return void this.malformed++;
    if (!subscriptions.has(address)) return;
    // What is delivered may bring another one here before it returns.
    const { node, cast, hasOptions } = this.#origins;
    const took = hasOptions ? this.#deliverPacked(address, data) : this.#deliver(address, data, undefined);
    outbox.answer(node, cast, took);
  }

  #deliverPacked(address: string, packed: BrokerData): number {
    const unpacked = typeof packed === "string" ? undefined : unpackOptions(packed);
    if (unpacked !== undefined) return this.#deliver(address, unpacked.data, unpacked.options);
    this.malformed++;
    return 0;
  }

  #deliver(address: string, data: BrokerData, options: CastOptions | undefined): number {
    const { deliver, report } = this.#setup;
    try {
      const took: unknown = deliver(address, data, options);
      if (Number.isSafeInteger(took) && (took as number) >= 0) return took as number;
      if (!watch(took, report)) report(new TypeError("deliver: it gave no count; give how many queues took the data"));
    } catch (error) {
      report(error);
    }
    return 0;
  }
}
