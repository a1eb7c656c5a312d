import type { BrokerSink } from "@upwire/cluster/broker";
import { guard } from "@upwire/core/adapter";

/** A sink whose functions may throw, or reject: that is reported, and neither ends the process nor costs others their publications. */
export function guardedSink(sink: BrokerSink, report: (error: Error) => void): BrokerSink {
  const failed = (error: unknown): void => report(error instanceof Error ? error : new Error(`a function of the sink threw ${String(error)}`));
  return {
    message: (topic, publication) => guard(() => sink.message(topic, publication), failed),
    top: (topic, position) => guard(() => sink.top(topic, position), failed),
    gap: (topic) => guard(() => sink.gap(topic), failed),
    state: (state) => guard(() => sink.state(state), failed),
    told: (from, data) => guard(() => sink.told(from, data), failed),
    nodes: (alive) => guard(() => sink.nodes(alive), failed),
  };
}
