import { setTimeout } from "node:timers/promises";
import type { Broker, BrokerSink } from "@upwire/cluster/broker";
import { expect } from "vitest";
import { BrokerBench, history, isUnavailable } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const silent: BrokerSink = { message: () => {}, top: () => {}, gap: () => {}, state: () => {}, told: () => {}, nodes: () => {} };

/** `start` may throw, reject, or be done at once. */
async function started(broker: Broker): Promise<void> {
  await broker.start(silent);
}

/** Start, end, and a planned restart. */
export const life: readonly Row[] = [
  {
    title: "starts once, and says by what several users have one broker",
    needs: [],
    async run({ broker }) {
      const again = async (): Promise<void> => broker.start(silent);
      await expect(again()).rejects.toThrow("shareBroker");
    },
  },
  {
    title: "says what it can do",
    needs: [],
    async run({ broker }) {
      expect(["none", "memory", "durable"]).toContain(broker.capabilities.history);
      expect(["process", "machine", "cluster"]).toContain(broker.capabilities.reach);
      expect(broker.state()).toBe("up");
    },
  },
  {
    title: "rejects everything as unavailable once it is closed, tells nothing more, and closes twice",
    needs: [],
    async run(bench) {
      const { broker } = bench;
      await bench.subscribe("a");
      await bench.publish("a", "x");
      const onItsWay = Promise.allSettled([broker.publish("a", "y"), broker.subscribe("b"), broker.unsubscribe("a")]);
      await bench.of("close", broker.close());
      for (const result of await bench.of("what was on its way", onItsWay)) {
        if (result.status === "rejected") expect(isUnavailable(result.reason)).toBe(true);
      }
      const told = bench.told.length;
      await bench.of("close", broker.close());
      const calls = [
        broker.publish("a", "x"),
        broker.subscribe("a"),
        broker.unsubscribe("a"),
        broker.history("a", 0, 1),
        broker.tell(undefined, new Uint8Array(1)),
      ];
      for (const result of await bench.of("calls of a closed broker", Promise.allSettled(calls))) {
        expect(result.status === "rejected" && isUnavailable(result.reason)).toBe(true);
      }
      bench.clock.advance(10_000);
      expect(bench.told).toHaveLength(told);
      expect(broker.state()).toBe("down");
      expect(broker.nodes()).toEqual([]);
      expect(bench.clock.pending).toBe(0);
    },
  },
  {
    title: "does not start once it is closed",
    needs: [],
    async run(bench, make) {
      const { broker, clock } = await BrokerBench.unstarted(make);
      await bench.of("close", broker.close());
      const fault = await bench.of(
        "a start of a closed broker",
        started(broker).then(
          () => "it started",
          (error: unknown) => error,
        ),
      );
      expect(fault).toSatisfy(isUnavailable);
      expect(broker.state()).toBe("down");
      expect(broker.nodes()).toEqual([]);
      expect(clock.pending).toBe(0);
    },
  },
  {
    title: "leaves nothing behind when it is closed while it starts",
    needs: [],
    async run(bench, make) {
      for (const ms of [0, 1, 5]) {
        const { broker, clock } = await BrokerBench.unstarted(make);
        const starting = started(broker).catch((error: unknown) => error);
        if (ms > 0) await setTimeout(ms);
        await bench.of("close", broker.close());
        const fault = await bench.of("a start that is closed", starting);
        if (fault !== undefined) expect(fault).toSatisfy(isUnavailable);
        expect(broker.state()).toBe("down");
        expect(broker.nodes()).toEqual([]);
        expect(clock.pending).toBe(0);
      }
    },
  },
  {
    title: "publishes nothing once it is saved, and reads on",
    needs: ["save", "history"],
    async run(bench) {
      const { broker } = bench;
      await bench.publish("a", "1", { history });
      const saving = broker.save?.();
      const late = await bench.of(
        "a publish after the save",
        broker.publish("a", "2", { history }).catch((error: unknown) => error),
      );
      expect(isUnavailable(late)).toBe(true);
      await bench.of("save", saving ?? Promise.reject(new Error("no save")));
      await bench.subscribe("a", history);
      expect((await bench.history("a")).publications).toEqual([{ offset: 1, data: "1" }]);
    },
  },
  {
    title: "goes on from saved bytes: epochs, offsets, publications and keys",
    needs: ["save", "history"],
    async run(bench, make) {
      const binary = Uint8Array.of(0, 255);
      const { position } = await bench.publish("a", "a string \ud800", { history, key: "key" });
      await bench.publish("a", binary, { history });
      await bench.publish("a", "", { history });
      await bench.publish("plain", "x", { key: "key" });
      await bench.subscribe("empty", history);
      const empty = await bench.page("empty", 0, 1);
      const before = await bench.history("a");
      const saved = await bench.of("save", bench.broker.save?.() ?? Promise.reject(new Error("no save")));
      const next = await BrokerBench.start(make, saved);
      expect(await next.history("a")).toEqual(before);
      expect((await next.subscribe("empty", history))?.epoch).toBe(empty.epoch);
      expect(await next.publish("a", "again", { history, key: "key" })).toMatchObject({ position, repeated: true });
      expect(await next.publish("plain", "x", { key: "key" })).toMatchObject({ position: undefined, repeated: true });
      expect((await next.publish("a", "next", { history })).position).toEqual({ epoch: position?.epoch, offset: 4 });
      await next.broker.close();
    },
  },
  {
    title: "goes on from bytes without a topic",
    needs: ["save"],
    async run(bench, make) {
      const saved = await bench.of("save", bench.broker.save?.() ?? Promise.reject(new Error("no save")));
      const next = await BrokerBench.start(make, saved);
      expect((await next.page("a", 0, 1)).epoch).toBe("");
      await next.broker.close();
    },
  },
  {
    title: "refuses bytes that save did not make with a TypeError",
    needs: ["save", "history"],
    async run(bench, make) {
      await bench.publish("a", "text", { history, key: "key" });
      await bench.publish("a", Uint8Array.of(1, 2, 3), { history });
      const saved = await bench.of("save", bench.broker.save?.() ?? Promise.reject(new Error("no save")));
      const wrong = [new Uint8Array(0), new TextEncoder().encode("{}"), saved.subarray(1), new Uint8Array([...saved, 0])];
      for (let length = 1; length < saved.byteLength; length += 7) wrong.push(saved.subarray(0, length));
      for (let at = 0; at < saved.byteLength; at++) wrong.push(saved.map((byte, place) => (place === at ? byte ^ 0x10 : byte)));
      const start = async (restore: Uint8Array): Promise<unknown> => BrokerBench.start(make, restore);
      for (const restore of wrong) await expect(start(restore)).rejects.toThrow(TypeError);
    },
  },
];
