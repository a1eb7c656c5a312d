import { setImmediate } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from "vitest";
import { BrokerBench } from "./broker-bench.ts";
import type { BrokerAbilities, MakeBroker } from "./broker-setup.ts";
import { groups } from "./rows/groups.ts";

const everything: BrokerAbilities = { history: true, exact: true, steady: true, tops: true, age: true, save: true, nodes: true, cut: true, others: true };

/** What a broker that has its own time needs to take a node for gone, and to see it come back. */
const TIMEOUT_MS = 30_000;

/**
 * Declares every behaviour that the seam asks of a broker, as one `describe` named `broker: <name>`.
 * @param make Makes a broker that has not been started and knows no topic. Called for each behaviour, and closed after it.
 * @param abilities What this broker cannot do, with the reason. Nothing is left out otherwise.
 */
export function describeBroker(name: string, make: MakeBroker, abilities: Partial<BrokerAbilities> = {}): void {
  const can = { ...everything, ...abilities };
  describe(`broker: ${name}`, () => {
    const uncaught: unknown[] = [];
    const note = (error: unknown): void => void uncaught.push(error);
    beforeAll(() => void process.on("unhandledRejection", note));
    afterAll(() => void process.off("unhandledRejection", note));

    for (const [group, rows] of Object.entries(groups)) {
      // oxlint-disable-next-line vitest/valid-title -- one of the names in the table above
      describe(group, () => {
        for (const { title, needs, run } of rows) {
          const reason = needs.map((need) => can[need]).find((ability) => ability !== true);
          const play = async (): Promise<void> => {
            const bench = await BrokerBench.start(make, undefined, { hasOwnTime: can.age !== true });
            onTestFinished(() => bench.close());
            await run(bench, make);
          };
          // oxlint-disable-next-line vitest/valid-title -- a suite that is a library gets its titles from its table
          it.skipIf(reason !== undefined)(reason === undefined ? title : `${title} (cannot: ${reason})`, play, TIMEOUT_MS);
        }
      });
    }

    it("declares truly whether it saves and keeps", async () => {
      const bench = await BrokerBench.start(make);
      onTestFinished(() => bench.close());
      const { broker } = bench;
      expect(broker.save !== undefined).toBe(can.save === true);
      expect(broker.capabilities.history !== "none").toBe(can.history === true);
    });

    it("prints how much was judged", () => {
      const all = Object.values(groups).flat();
      const judged = all.filter(({ needs }) => needs.every((need) => can[need] === true)).length;
      const lacking = Object.entries(can).flatMap(([ability, reason]) => (reason === true ? [] : [`${ability} (${reason})`]));
      console.log(`broker ${name}: ${judged} of ${all.length} behaviours; without: ${lacking.join(", ") || "nothing"}`);
      expect(judged).toBeGreaterThan(0);
    });

    it("got here without an unhandled rejection", async () => {
      // Rejections are reported a turn after they happen.
      await setImmediate();
      expect(uncaught).toEqual([]);
    });
  });
}
