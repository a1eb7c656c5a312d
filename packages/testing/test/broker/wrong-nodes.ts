import { setImmediate } from "node:timers/promises";
import type { Broker, BrokerSink, BrokerStats } from "@upwire/cluster/broker";
import type { Position } from "@upwire/protocol";
import { linkedMaker } from "./linked.ts";
import { patched, withSink, type Patch, type WrongBroker } from "./patched.ts";

function wrong(fault: string, finds: readonly string[], patch: Patch): WrongBroker {
  return { fault, finds, make: linkedMaker((inner, setup) => patched(inner, patch, setup)) };
}

/** A broker whose counters are wrong. */
function withStats(change: (stats: BrokerStats) => Partial<BrokerStats>): Patch {
  return (inner) => ({
    get stats() {
      return { ...inner.stats, ...change(inner.stats) };
    },
  });
}

const twice: Patch = withSink((sink) => ({
  told(...call) {
    sink.told(...call);
    sink.told(...call);
  },
}));

/** Faults that show only where there are several nodes. */
export const wrongNodes: readonly WrongBroker[] = [
  wrong("has an epoch of its own on each node", ["has one history for all nodes, with one epoch and one row of offsets"], (inner) => ({
    async subscribe(...call) {
      return own(inner, await inner.subscribe(...call));
    },
    async publish(...call) {
      const result = await inner.publish(...call);
      return { ...result, position: own(inner, result.position) };
    },
  })),
  wrong("lets later publishes overtake each third one", ["keeps the order of each of two nodes that publish at the same time"], (inner) => {
    let count = 0;
    return {
      async publish(...call) {
        if (++count % 3 === 0) await setImmediate();
        return inner.publish(...call);
      },
    };
  }),
  wrong("writes names as UTF-8", ["keeps topics apart, and keys, whose names differ in half of a surrogate pair"], (inner) => {
    const asUtf8 = (name: string): string => new TextDecoder().decode(new TextEncoder().encode(name));
    return {
      publish: (topic, data, options) => inner.publish(topic, data, { ...options, ...(options?.key && { key: asUtf8(options.key) }) }),
    };
  }),
  wrong("remembers keys for each node alone", ["publishes once for one key that two nodes give"], (inner) => ({
    publish: (topic, data, options) => inner.publish(topic, data, { ...options, ...(options?.key && { key: `${inner.node}${options.key}` }) }),
  })),
  wrong(
    "tells a node only its own publications",
    [
      "tells or shows a node what another one publishes after the position of its subscribe",
      "tells every node the same, in the same order",
      "tells a node what another one publishes to a topic without history, or a gap",
    ],
    (inner) => {
      let isOwn = false;
      const ofOwn = (sink: BrokerSink): BrokerSink => ({ ...sink, message: (...call) => void (isOwn && sink.message(...call)), top: () => {} });
      return {
        start: (sink) => inner.start(ofOwn(sink)),
        publish(...call) {
          isOwn = true;
          const result = inner.publish(...call);
          isOwn = false;
          return result;
        },
      };
    },
  ),
  wrong(
    "never shows the top",
    ["shows every node the newest position at least once a second"],
    withSink(() => ({ top: () => {} })),
  ),
  wrong("keeps what was unsubscribed", ["tells a node nothing of what it has not subscribed, or no longer"], () => ({ unsubscribe: async () => {} })),
  wrong("counts itself among the others", ["says how many other nodes a publication is handed to"], (inner) => ({
    async publish(...call) {
      const result = await inner.publish(...call);
      return { ...result, others: (result.others ?? 0) + 1 };
    },
  })),
  takesHistoriesAlong(),
  wrong(
    "is silent about gaps",
    ["shows a node that was cut off all that it has lost"],
    withSink(() => ({ gap: () => {} })),
  ),
  wrong("calls everything cluster", ["rejects a publish that other nodes cannot get, or says that it is local"], (inner) => ({
    publish: async (...call) => ({ ...(await inner.publish(...call)), delivery: "cluster" }),
  })),
  wrong("has the same name each time", ["has a name that no other broker has, and is a node once it has started"], () => ({
    node: "the-same-name",
    nodes: () => ["the-same-name"],
  })),
  wrong("knows no node but its own", ["shows a node that has started the others at once, and it to the others within 5 s"], (inner) => ({
    nodes: () => [inner.node],
  })),
  wrong(
    "drops no node",
    ["drops a node that has closed, and says so", "drops a node that is cut off within 5 s, and gives it at its return what was to be kept"],
    (inner) => {
      const seen = new Set<string>();
      return { nodes: () => [...inner.nodes().reduce((all, node) => all.add(node), seen)] };
    },
  ),
  wrong(
    "does not say what it shows",
    ["drops a node that has closed, and says so"],
    withSink(() => ({ nodes: () => {} })),
  ),
  wrong(
    "keeps nothing",
    ["drops a node that is cut off within 5 s, and gives it at its return what was to be kept", "tells a node that was cut off what was to be kept once"],
    (inner) => ({ tell: (node, data) => inner.tell(node, data) }),
  ),
  wrong(
    "tells everything twice",
    [
      "tells a node that was cut off what was to be kept once",
      "tells the one node that is named, with the name of the sender, in the order of the calls, and once",
      "tells once what it would keep, to a node that is not cut off",
    ],
    twice,
  ),
  wrong(
    "tells all what is for one",
    [
      "tells the one node that is named, with the name of the sender, in the order of the calls, and once",
      "tells nobody what is for a node that it does not know, or for itself",
    ],
    (inner) => ({ tell: (_, ...rest) => inner.tell(undefined, ...rest) }),
  ),
  wrong("tells the sender too", ["tells all others when none is named, and not the sender"], (inner) => {
    let ours: BrokerSink | undefined;
    return {
      start(sink) {
        ours = sink;
        return inner.start(sink);
      },
      async tell(node, data, options) {
        await inner.tell(node, data, options);
        ours?.told(inner.node, data);
      },
    };
  }),
  wrong("loses each tenth", ["tells a node that is alive all that it is told"], (inner) => {
    let count = 0;
    return { tell: (...call) => (++count % 10 === 0 ? Promise.resolve() : inner.tell(...call)) };
  }),
  wrong("cuts what it tells", ["gives the bytes as they are, also none"], (inner) => ({
    tell: (node, data, options) => inner.tell(node, data.subarray(0, 100), options),
  })),
  tellsWhoComesLater(),
  wrong("rejects what is for a node that it does not know", ["fulfils, and tells nobody, where there is no other node"], (inner) => ({
    tell: (node, ...rest) => (node === undefined || inner.nodes().includes(node) ? inner.tell(node, ...rest) : Promise.reject(new Error("unknown node"))),
  })),
  wrong("takes any length and any time", ["refuses to tell too much, or to keep it too long, with a RangeError"], () => ({ tell: async () => {} })),
  wrong(
    "begins to count at 1",
    ["counts nothing before anything has happened"],
    withStats(({ published }) => ({ published: published + 1 })),
  ),
  countsRepeated(),
  wrong(
    "counts no message",
    ["counts what it tells, loses and rejects"],
    withStats(() => ({ received: 0 })),
  ),
  wrong(
    "counts nothing that it is told",
    ["counts what it is told by other nodes"],
    withStats(() => ({ told: 0 })),
  ),
];

function own({ node }: Broker, position: Position | undefined): Position | undefined {
  return position && { ...position, epoch: node };
}

function takesHistoriesAlong(): WrongBroker {
  const closed = new Set<string>();
  return wrong("takes the histories along when it closes", ["keeps the history when the node that began it has closed"], (inner, { network }) => ({
    close() {
      closed.add(network);
      return inner.close();
    },
    history: async (...call) => (closed.has(network) ? { epoch: "", top: 0, first: 1, publications: [] } : inner.history(...call)),
  }));
}

function tellsWhoComesLater(): WrongBroker {
  const kept = new Map<string, readonly [from: string, data: Uint8Array]>();
  return wrong("tells nodes that come later", ["tells a node nothing that was told before it started"], (inner, { network }) => ({
    async start(sink) {
      await inner.start(sink);
      const last = kept.get(network);
      if (last !== undefined) sink.told(...last);
    },
    tell(node, data, options) {
      if (node === undefined) kept.set(network, [inner.node, data]);
      return inner.tell(node, data, options);
    },
  }));
}

function countsRepeated(): WrongBroker {
  return wrong("counts repeated publishes", ["counts what it takes over and has subscribed, repeated publishes left out"], (inner) => {
    let published = 0;
    return {
      publish(...call) {
        published++;
        return inner.publish(...call);
      },
      get stats() {
        return { ...inner.stats, published };
      },
    };
  });
}
