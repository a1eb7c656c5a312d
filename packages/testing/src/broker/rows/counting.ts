import { expect } from "vitest";
import { isUnavailable } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const numbers = Array.from({ length: 40 }, (_, at) => at + 1);

/** What `stats` says. */
export const counting: readonly Row[] = [
  {
    title: "counts nothing before anything has happened",
    needs: [],
    async run({ broker: { stats } }) {
      expect(stats).toEqual({
        published: 0,
        rejected: 0,
        received: 0,
        lost: 0,
        tells: 0,
        told: 0,
        foreign: 0,
        reconnects: 0,
        subscriptions: 0,
        queued: 0,
        queuedBytes: 0,
      });
    },
  },
  {
    title: "counts what it takes over and has subscribed, repeated publishes left out",
    needs: ["steady"],
    async run(bench) {
      for (const topic of ["a", "b", "b"]) await bench.subscribe(topic);
      expect(bench.broker.stats.subscriptions).toBe(2);
      await bench.unsubscribe("b");
      await bench.unsubscribe("never");
      for (const key of ["1", "2", "3", "3"]) await bench.publish("a", "x", { key });
      await bench.tell(undefined, "x");
      await bench.tell("no-such-node", "x");
      expect(bench.broker.stats).toMatchObject({ published: 3, rejected: 0, tells: 2, foreign: 0, subscriptions: 1, queued: 0, queuedBytes: 0 });
      await bench.of("close", bench.broker.close());
      expect(bench.broker.stats).toMatchObject({ published: 3, tells: 2, subscriptions: 0, queued: 0, queuedBytes: 0 });
    },
  },
  {
    title: "counts what it tells, loses and rejects",
    needs: [],
    async run(bench) {
      const { broker } = bench;
      await bench.subscribe("a");
      let rejected = 0;
      const calls = numbers.map((number) =>
        broker.publish("a", String(number)).catch((error: unknown) => {
          if (!isUnavailable(error)) throw error;
          rejected++;
        }),
      );
      await bench.of("forty publishes", Promise.all(calls));
      await bench.until("all are told, or a gap is", () => bench.gaps.includes("a") || bench.told.length >= numbers.length - rejected);
      expect(broker.stats).toMatchObject({ received: bench.told.length, lost: bench.gaps.length });
      await bench.of("close", broker.close());
      await bench.of(
        "a late publish",
        broker.publish("a", "x").catch(() => {}),
      );
      // The retries of the subscribe are no publishes.
      expect(broker.stats).toMatchObject({ received: bench.told.length, lost: bench.gaps.length, rejected: rejected + 1 });
    },
  },
  {
    title: "counts what it is told by other nodes",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      for (const number of numbers) await one.tell(other.broker.node, String(number), { keepMs: 60_000 });
      await one.until("the last one is told", () => other.heardOf(one).includes("40"));
      expect(other.broker.stats).toMatchObject({ told: other.heard.length, tells: 0 });
      expect(one.broker.stats.told).toBe(0);
      expect(one.broker.stats.tells).toBeGreaterThanOrEqual(numbers.length);
    },
  },
];
