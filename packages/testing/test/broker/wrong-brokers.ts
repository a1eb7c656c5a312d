import { memoryBroker } from "@upwire/cluster/broker";
import { RealtimeError, type Position } from "@upwire/protocol";
import { patched, withSink, type Patch, type WrongBroker } from "./patched.ts";

function wrong(fault: string, finds: readonly string[], patch: Patch): WrongBroker {
  return { fault, finds, make: (setup) => patched(memoryBroker(setup), patch, setup) };
}

const moved = (position: Position | undefined, by: number): Position | undefined => position && { ...position, offset: position.offset + by };

export const wrongBrokers: readonly WrongBroker[] = [
  wrong("leaves a hole after the tenth publication", ["gives one topic offsets from 1 on, without a hole, in the order of the calls"], (inner) => ({
    async history(...call) {
      const page = await inner.history(...call);
      return { ...page, publications: page.publications.filter(({ offset }) => offset !== 11) };
    },
  })),
  wrong("fails every third publish", ["takes every publish on the first try"], (inner) => {
    let count = 0;
    return { publish: (...call) => (++count % 3 === 0 ? failure() : inner.publish(...call)) };
  }),
  wrong(
    "loses in silence",
    ["tells or shows every publication after the position of the subscribe", "tells a gap for each loss of a topic without history"],
    withSink((sink) => {
      let count = 0;
      return { message: (...call) => (++count > 39 ? undefined : sink.message(...call)) };
    }),
  ),
  wrong(
    "tells text as bytes",
    ["tells the data, as the kind that it was, and the origin of the position"],
    withSink((sink) => ({
      message: (topic, { data, ...rest }) => sink.message(topic, { ...rest, data: typeof data === "string" ? new TextEncoder().encode(data) : data }),
    })),
  ),
  wrong(
    "delivers twice",
    ["tells each publication once, in order, before its publish is fulfilled", "publishes once for one key without history too"],
    withSink((sink) => ({
      message(...call) {
        sink.message(...call);
        sink.message(...call);
      },
    })),
  ),
  wrong("never shows the top", ["shows the newest position at least once a second"], () => ({})),
  wrong("gives positions without history", ["gives no position without history, and keeps nothing"], (inner) => ({
    subscribe: async (topic, options) => (await inner.subscribe(topic, options)) ?? { epoch: "abcdefgh", offset: 0 },
  })),
  wrong("tells what was unsubscribed", ["tells nothing of topics that were never subscribed, nor to a node that has unsubscribed"], () => ({
    unsubscribe: async () => {},
  })),
  wrong("takes any topic for text", ["works on after refusing what is no topic and no data"], (inner) => ({
    publish: (topic: unknown, data, options) => inner.publish(String(topic), data, options),
  })),
  wrong("takes any argument", ["refuses arguments that cannot be meant with a RangeError"], (inner) => ({
    publish: (topic, data, options) => inner.publish(topic, data, { ...options, origin: options?.origin?.slice(0, 64) ?? "" }),
  })),
  wrong("has old histories", ["has a publication in the history before its publish is fulfilled"], (inner) => ({
    async history(topic, after, limit) {
      const page = await inner.history(topic, after, limit);
      return { ...page, top: Math.max(0, page.top - 1) };
    },
  })),
  wrong("gives longer pages than asked for", ["gives contiguous pages from the place asked for, at most as long as asked for"], (inner) => ({
    history: (topic, after, limit) => inner.history(topic, after, limit + 1),
  })),
  wrong(
    "keeps everything",
    [
      "keeps no more publications than asked for, and says where the history begins",
      "keeps no more bytes than asked for, text counted as UTF-8",
      "keeps publications no longer than asked for",
    ],
    (inner) => {
      const history = { messages: 1e6, bytes: 1e9, ageMs: 1e9 };
      return {
        publish: (topic, data, options) => inner.publish(topic, data, { ...options, ...(options?.history && { history }) }),
        subscribe: (topic, options) => inner.subscribe(topic, options?.history && { history }),
      };
    },
  ),
  wrong("makes up a history", ["gives an empty page of a topic that it does not know"], (inner) => ({
    history: async (...call) => ({ ...(await inner.history(...call)), epoch: "made-up-1" }),
  })),
  wrong(
    "calls every history the same",
    [
      "gives each history an epoch of its own, which subscribe, publish and history tell",
      "forgets a topic with its epoch so long after its last publication and its last member, and not before",
    ],
    (inner) => ({
      async subscribe(...call) {
        const position = await inner.subscribe(...call);
        return position && { ...position, epoch: "the-same-one" };
      },
      async publish(...call) {
        const result = await inner.publish(...call);
        return { ...result, position: result.position && { ...result.position, epoch: "the-same-one" } };
      },
      async history(...call) {
        return { ...(await inner.history(...call)), epoch: "the-same-one" };
      },
    }),
  ),
  wrong(
    "knows no keys",
    [
      "publishes once for one key, and answers with the position of the first time",
      "publishes once for one key that comes twice at the same time",
      "remembers a key as long as asked for",
    ],
    (inner) => ({
      publish(topic, data, options) {
        const { key: _, ...rest } = options ?? {};
        return inner.publish(topic, data, rest);
      },
    }),
  ),
  wrong("calls all repeated", ["says of a first publish that it is not repeated"], (inner) => ({
    publish: async (...call) => ({ ...(await inner.publish(...call)), repeated: true }),
  })),
  wrong("has one space of keys for all topics", ["takes the same key in two topics for two"], (inner) => ({
    publish: (topic, data, options) => inner.publish(topic.slice(0, 1), data, { ...options, ...(options?.key && { key: `${topic}${options.key}`.slice(-3) }) }),
  })),
  wrong("starts again and again", ["starts once, and says by what several users have one broker"], (inner) => {
    let isStarted = false;
    return {
      start(sink) {
        if (!isStarted) void inner.start(sink);
        isStarted = true;
      },
    };
  }),
  wrong("is down from the start", ["says what it can do"], () => ({ state: () => "down" })),
  wrong("works on when it is closed", ["rejects everything as unavailable once it is closed, tells nothing more, and closes twice"], () => ({
    close: async () => {},
  })),
  wrong("starts though it is closed", ["does not start once it is closed"], () => ({ start: () => {} })),
  wrong("keeps a timer of a start that was closed", ["leaves nothing behind when it is closed while it starts"], (inner, { clock }) => ({
    start(sink) {
      void inner.start(sink);
      clock.every(1000, () => {});
    },
  })),
  wrong("publishes on when it is saved", ["publishes nothing once it is saved, and reads on"], () => ({ save: async () => new Uint8Array() })),
  wrong("saves nothing", ["goes on from saved bytes: epochs, offsets, publications and keys", "goes on from bytes without a topic"], () => ({
    save: async () => new Uint8Array(3),
  })),
  wrong("moves positions when it goes on", ["goes on from saved bytes: epochs, offsets, publications and keys"], (inner, { restore }) => ({
    publish: async (...call) => {
      const result = await inner.publish(...call);
      return restore === undefined ? result : { ...result, position: moved(result.position, 1) };
    },
  })),
  { fault: "takes any bytes", finds: ["refuses bytes that save did not make with a TypeError"], make: ({ clock }) => memoryBroker({ clock }) },
];

function failure(): Promise<never> {
  return Promise.reject(new RealtimeError("unavailable", "this one fails"));
}
