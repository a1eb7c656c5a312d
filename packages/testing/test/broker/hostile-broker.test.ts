import { memoryBroker } from "@upwire/cluster/broker";
import { describeBroker, hostileBroker } from "@upwire/testing";

for (const seed of [1, 2, 3]) {
  describeBroker(`hostile, seed ${seed}`, ({ clock, ...setup }) => hostileBroker(memoryBroker({ clock, ...setup }), { clock, seed }), {
    exact: "it delivers late, twice, out of order or not at all",
    steady: "its publishes fail now and then",
    nodes: "the broker inside is one process",
    cut: "the broker inside is one process",
  });
}
