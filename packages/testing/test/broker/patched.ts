import type { Broker, BrokerSink } from "@upwire/cluster/broker";
import type { BrokerSetup, MakeBroker } from "@upwire/testing";

/** A broker with one fault, and the titles of the rows that have to find it. */
export interface WrongBroker {
  readonly fault: string;
  readonly finds: readonly string[];
  readonly make: MakeBroker;
}

/** What a fault puts in place of members of the broker inside. */
export type Patch = (inner: Broker, setup: BrokerSetup) => Partial<Broker>;

/** `inner`, but for what `patch` says. */
export function patched(inner: Broker, patch: Patch, setup: BrokerSetup): Broker {
  const changed = patch(inner, setup);
  return new Proxy(inner, {
    get(target, name) {
      if (name in changed) return Reflect.get(changed, name) as unknown;
      const value: unknown = Reflect.get(target, name, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

/** A broker whose sink is another one than the node's. */
export function withSink(change: (sink: BrokerSink, inner: Broker) => Partial<BrokerSink>): Patch {
  return (inner) => ({ start: (sink) => inner.start({ ...sink, ...change(sink, inner) }) });
}
