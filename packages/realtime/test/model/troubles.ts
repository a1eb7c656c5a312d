import type { Broker, HistoryPage } from "@upwire/cluster/broker";
import type { Clock } from "@upwire/core";

/** A node may give up what it cannot read for 5 s, and its last pause is up to 1 s of that. Milliseconds. */
const GIVEN_UP_MS = 3900;
/** After so long without a call it is another reading. Milliseconds. */
const SAME_READING_MS = 6000;

interface Reading {
  readonly since: number;
  lastAt: number;
}

/** `broker`, with a note of each topic that could not be read for so long that a node may give up. */
export function watchedBroker(broker: Broker, clock: Clock, unreadable: (topic: string) => void): Broker {
  const readings = new Map<string, Reading>();
  const history = async (topic: string, after: number, limit: number): Promise<HistoryPage> => {
    const key = `${after} ${topic}`;
    const now = clock.now();
    const known = readings.get(key);
    const reading = known !== undefined && now - known.lastAt < SAME_READING_MS ? known : { since: now, lastAt: now };
    reading.lastAt = now;
    readings.set(key, reading);
    const judge = (): void => {
      if (readings.get(key) === reading && clock.now() - reading.since >= GIVEN_UP_MS) unreadable(topic);
    };
    const timer = clock.after(Math.max(0, reading.since + GIVEN_UP_MS - now), judge);
    try {
      const page = await broker.history(topic, after, limit);
      readings.delete(key);
      return page;
    } finally {
      judge();
      timer.cancel();
    }
  };
  return {
    capabilities: broker.capabilities,
    node: broker.node,
    start: (sink) => broker.start(sink),
    publish: (...call) => broker.publish(...call),
    subscribe: (...call) => broker.subscribe(...call),
    unsubscribe: (topic) => broker.unsubscribe(topic),
    history,
    state: () => broker.state(),
    nodes: () => broker.nodes(),
    tell: (...call) => broker.tell(...call),
    get stats() {
      return broker.stats;
    },
    save: () => broker.save?.() ?? Promise.reject(new Error("this broker has no save()")),
    close: () => broker.close(),
  };
}
