import type { Broker, BrokerData } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";

/** What `recordingBroker` notes. */
export interface Recorder {
  /** A publication has taken effect. */
  published(topic: string, data: BrokerData, position: Position | undefined): void;
  /** The topic has a member, and this history. */
  begun(topic: string, epoch: string): void;
  /** It has none any more. */
  left(topic: string): void;
  saved(bytes: Uint8Array): void;
}

/** Notes what takes effect at `inner`, a broker that tells a publication inside `publish`, before a node is told. */
export function recordingBroker(inner: Broker, recorder: Recorder): Broker {
  let isNoted = false;
  const save = async (): Promise<Uint8Array> => {
    const bytes = await (inner.save as () => Promise<Uint8Array>)();
    recorder.saved(bytes);
    return bytes;
  };
  return {
    capabilities: inner.capabilities,
    node: inner.node,
    start: (sink) =>
      inner.start({
        ...sink,
        message(topic, publication) {
          isNoted = true;
          recorder.published(topic, publication.data, publication.position);
          sink.message(topic, publication);
        },
      }),
    async publish(topic, data, options) {
      isNoted = false;
      const answer = inner.publish(topic, data, options);
      // Without a member nothing was told.
      const mustNote = !isNoted;
      const result = await answer;
      if (mustNote && !result.repeated) recorder.published(topic, data, result.position);
      return result;
    },
    async subscribe(topic, options) {
      const position = await inner.subscribe(topic, options);
      if (position !== undefined) recorder.begun(topic, position.epoch);
      return position;
    },
    unsubscribe(topic) {
      recorder.left(topic);
      return inner.unsubscribe(topic);
    },
    history: (topic, after, limit) => inner.history(topic, after, limit),
    state: () => inner.state(),
    nodes: () => inner.nodes(),
    tell: (...call) => inner.tell(...call),
    get stats() {
      return inner.stats;
    },
    save,
    close: () => inner.close(),
  };
}
