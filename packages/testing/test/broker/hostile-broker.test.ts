import { memoryBroker } from "@upwire/cluster/broker";
import { describeBroker, hostileBroker } from "@upwire/testing";
import { linkedMaker } from "./linked.ts";

const abilities = {
  exact: "it delivers late, twice, out of order or not at all",
  steady: "its publishes fail now and then",
  others: "it does not always say",
};

for (const seed of [1, 2, 3]) {
  describeBroker(`hostile, seed ${seed}`, ({ clock, ...setup }) => hostileBroker(memoryBroker({ clock, ...setup }), { clock, seed }), {
    ...abilities,
    nodes: "the broker inside is one process",
    cut: "the broker inside is one process",
  });
}

for (const seed of [1, 2, 3]) {
  const make = linkedMaker((inner, { clock }) => hostileBroker(inner, { clock, seed }));
  describeBroker(`hostile on several nodes, seed ${seed}`, make, { ...abilities, save: "the nodes inside share one memory" });
}
