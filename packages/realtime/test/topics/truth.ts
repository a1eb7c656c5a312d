import type { Broker, BrokerData, BrokerSink, PublishOptions, PublishResult } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";

/** What was published, by topic, epoch and offset, as the broker itself has it. */
export class Truth {
  readonly #data = new Map<string, BrokerData>();
  readonly #tops = new Map<string, Position>();

  /** The same broker, whose publications this knows. */
  watch(broker: Broker): Broker {
    const publish = async (topic: string, data: BrokerData, options?: PublishOptions): Promise<PublishResult> => {
      const result = await broker.publish(topic, data, options);
      if (!result.repeated) this.#note(topic, data, result.position);
      return result;
    };
    const start = (sink: BrokerSink): Promise<void> | void =>
      broker.start({
        message: (topic, publication) => {
          this.#note(topic, publication.data, publication.position);
          sink.message(topic, publication);
        },
        top: (topic, position) => sink.top(topic, position),
        gap: (topic) => sink.gap(topic),
        state: (state) => sink.state(state),
        told: (from, data) => sink.told(from, data),
        nodes: (alive) => sink.nodes(alive),
      });
    return new Proxy(broker, {
      get: (target, name) => {
        if (name === "publish") return publish;
        if (name === "start") return start;
        const value: unknown = Reflect.get(target, name);
        return typeof value === "function" ? (value.bind(target) as unknown) : value;
      },
    });
  }

  data(topic: string, { epoch, offset }: Position): BrokerData | undefined {
    return this.#data.get(`${topic} ${epoch} ${offset}`);
  }

  top(topic: string): Position | undefined {
    return this.#tops.get(topic);
  }

  #note(topic: string, data: BrokerData, position: Position | undefined): void {
    if (position === undefined) return;
    this.#data.set(`${topic} ${position.epoch} ${position.offset}`, data);
    const top = this.#tops.get(topic);
    if (top?.epoch !== position.epoch || top.offset < position.offset) this.#tops.set(topic, position);
  }
}
