import { describeBroker, linkedBrokers, type LinkedBrokers } from "@upwire/testing";

const networks = new Map<string, LinkedBrokers>();

describeBroker(
  "linked",
  ({ clock, network }) => {
    const linked = networks.get(network) ?? linkedBrokers({ clock });
    networks.set(network, linked);
    const broker = linked.broker();
    return { broker, cut: () => linked.cut(broker.node), mend: () => linked.mend(broker.node) };
  },
  { save: "its nodes share one memory" },
);
