import type { Broker } from "@upwire/cluster/broker";
import { linkedBrokers, type BrokerSetup, type CuttableBroker, type LinkedBrokers } from "@upwire/testing";

/** Makes brokers that are linked when their `network` is the same. @param change What stands in front of each. */
export function linkedMaker(change: (broker: Broker, setup: BrokerSetup) => Broker = (broker) => broker): (setup: BrokerSetup) => CuttableBroker {
  const networks = new Map<string, LinkedBrokers>();
  return (setup) => {
    const { clock, network } = setup;
    const linked = networks.get(network) ?? linkedBrokers({ clock });
    networks.set(network, linked);
    const inner = linked.broker();
    return { broker: change(inner, setup), cut: () => linked.cut(inner.node), mend: () => linked.mend(inner.node) };
  };
}
