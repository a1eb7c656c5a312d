import { setImmediate as turn } from "node:timers/promises";
import { memoryBroker, shareBroker, type Broker } from "@upwire/cluster/broker";
import { createRealtime } from "@upwire/realtime";
import { linkedBrokers } from "@upwire/testing";
import { describe, expect, it, onTestFinished } from "vitest";

/** A broker whose `start` is another one. */
function withStart(broker: Broker, start: Broker["start"]): Broker {
  return new Proxy(broker, {
    get(target, name) {
      const value: unknown = name === "start" ? start : Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** Brokers of one process, and of several: the second kind is started by the topics and by the events. */
const kinds = [
  ["alone", memoryBroker],
  ["among others", () => linkedBrokers().broker()],
] as const;

describe.each(kinds)("`started` of a broker %s", (_, make) => {
  const refusal = new Error("a wrong password");

  it.each<[string, Broker["start"]]>([
    ["rejects", () => Promise.reject(refusal)],
    [
      "throws",
      () => {
        throw refusal;
      },
    ],
  ])("rejects with why it refuses, which is reported once, when its start %s", async (__, start) => {
    const reported: unknown[] = [];
    const realtime = createRealtime({ broker: withStart(make(), start), options: { onError: (error) => void reported.push(error) } });
    await expect(realtime.started).rejects.toBe(refusal);
    await turn();
    expect(reported).toEqual([refusal]);
    await realtime.stop();
  });

  it("is no unhandled rejection when it is left alone", async () => {
    const unhandled: unknown[] = [];
    const note = (reason: unknown): void => void unhandled.push(reason);
    process.on("unhandledRejection", note);
    onTestFinished(() => void process.off("unhandledRejection", note));
    const realtime = createRealtime({ broker: withStart(make(), () => Promise.reject(refusal)), options: { onError: () => {} } });
    await turn();
    await realtime.stop();
    await turn();
    expect(unhandled).toEqual([]);
  });

  it("settles when it has started, and not before", async () => {
    const broker = make();
    let begin = (): void => {};
    const mayStart = new Promise<void>((resolve) => (begin = resolve));
    const realtime = createRealtime({
      broker: withStart(broker, async (sink) => {
        await mayStart;
        await broker.start(sink);
      }),
    });
    let isStarted = false;
    const watched = realtime.started.then(() => (isStarted = true));
    await turn();
    expect(isStarted).toBe(false);
    begin();
    await watched;
    expect(broker.state()).toBe("up");
    await realtime.stop();
  });

  it("fulfils for two users of one broker that have a part each, and names shareBroker to the second one of others", async () => {
    const shared = shareBroker(make());
    const parts = ["one", "two"].map((name) => createRealtime({ broker: shared.part(name) }));
    expect(await Promise.all(parts.map(({ started }) => started))).toEqual([undefined, undefined]);
    const broker = make();
    const first = createRealtime({ broker });
    await first.started;
    const second = createRealtime({ broker, options: { onError: () => {} } });
    await expect(second.started).rejects.toThrow("shareBroker");
    await Promise.all([...parts, first].map((realtime) => realtime.stop()));
  });
});

it("has started without a broker", async () => {
  const realtime = createRealtime({});
  expect(await realtime.started).toBe(undefined);
  await realtime.stop();
});
