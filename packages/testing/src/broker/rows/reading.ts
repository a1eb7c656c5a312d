import { expect } from "vitest";
import { BrokerBench, history } from "../broker-bench.ts";
import type { Row } from "./row.ts";

/** What a topic keeps, and what its epoch says. */
export const reading: readonly Row[] = [
  {
    title: "has a publication in the history before its publish is fulfilled",
    needs: ["history"],
    async run(bench) {
      for (let number = 1; number <= 20; number++) {
        const { position } = await bench.publish("a", String(number), { history });
        const page = await bench.page("a", number - 1, 10);
        expect(page).toEqual({ epoch: position?.epoch, top: number, first: 1, publications: [{ offset: number, data: String(number) }] });
      }
    },
  },
  {
    title: "gives contiguous pages from the place asked for, at most as long as asked for",
    needs: ["history"],
    async run(bench) {
      await fill(bench, 30);
      for (const [after, limit] of [
        [0, 7],
        [12, 100],
        [29, 1],
        [30, 5],
        [1000, 5],
      ] as const) {
        const { publications, top, first } = await bench.page("a", after, limit);
        expect([top, first]).toEqual([30, 1]);
        expect(publications.length).toBeLessThanOrEqual(limit);
        expect(publications.length > 0).toBe(after < 30);
        expect(publications.map(({ offset }) => offset)).toEqual(publications.map((_, at) => after + 1 + at));
      }
    },
  },
  {
    title: "keeps no more publications than asked for, and says where the history begins",
    needs: ["history"],
    async run(bench) {
      await fill(bench, 25, { ...history, messages: 10 });
      const { first, top, publications } = await bench.history("a");
      expect([first, top]).toEqual([16, 25]);
      expect(publications.map(({ data }) => data)).toEqual(["16", "17", "18", "19", "20", "21", "22", "23", "24", "25"]);
    },
  },
  {
    title: "keeps no more bytes than asked for, text counted as UTF-8",
    needs: ["history"],
    async run(bench) {
      const bounds = { ...history, bytes: 10 };
      for (const data of ["abc", "äöü", Uint8Array.of(1, 2, 3), "€"]) await bench.publish("a", data, { history: bounds });
      expect((await bench.history("a")).first).toBe(3);
      await bench.publish("a", "x".repeat(11), { history: bounds });
      expect(await bench.page("a", 0, 10)).toMatchObject({ top: 5, first: 6, publications: [] });
    },
  },
  {
    title: "keeps publications no longer than asked for",
    needs: ["history", "age", "steady"],
    async run(bench) {
      await bench.subscribe("a", history);
      await bench.publish("a", "1", { history });
      bench.clock.advance(40_000);
      await bench.publish("a", "2", { history });
      bench.clock.advance(19_000);
      expect((await bench.page("a", 0, 10)).first).toBe(1);
      bench.clock.advance(2000);
      expect((await bench.page("a", 0, 10)).first).toBe(2);
      bench.clock.advance(60_000);
      expect(await bench.page("a", 0, 10)).toMatchObject({ top: 2, first: 3, publications: [] });
    },
  },
  {
    title: "gives an empty page of a topic that it does not know",
    needs: [],
    async run(bench) {
      expect(await bench.page("unknown", 0, 10)).toEqual({ epoch: "", top: 0, first: 1, publications: [] });
    },
  },
  {
    title: "gives each history an epoch of its own, which subscribe, publish and history tell",
    needs: ["history"],
    async run(bench, make) {
      const position = await bench.subscribe("a", history);
      expect(position?.epoch).toMatch(/^[A-Za-z0-9_-]{8,32}$/);
      expect(position?.offset).toBe(0);
      expect((await bench.publish("a", "x", { history })).position).toEqual({ epoch: position?.epoch, offset: 1 });
      expect((await bench.page("a", 0, 1)).epoch).toBe(position?.epoch);
      const { epoch: other } = (await bench.publish("b", "x", { history })).position ?? {};
      const again = await BrokerBench.start(make);
      const { epoch: third } = (await again.publish("other", "x", { history })).position ?? {};
      await again.broker.close();
      expect(new Set([position?.epoch, other, third]).size).toBe(3);
    },
  },
  {
    title: "forgets a topic with its epoch so long after its last publication and its last member, and not before",
    needs: ["history", "age", "steady"],
    async run(bench) {
      const { epoch } = (await bench.publish("a", "x", { history })).position ?? {};
      bench.clock.advance(40_000);
      await bench.subscribe("a", history);
      bench.clock.advance(200_000);
      expect(await bench.page("a", 0, 1)).toMatchObject({ epoch, top: 1, first: 2 });
      await bench.unsubscribe("a");
      bench.clock.advance(59_000);
      expect((await bench.page("a", 0, 1)).epoch).toBe(epoch);
      bench.clock.advance(2000);
      expect((await bench.page("a", 0, 1)).epoch).toBe("");
      const position = await bench.subscribe("a", history);
      expect(position?.offset).toBe(0);
      expect(position?.epoch).not.toBe(epoch);
    },
  },
];

async function fill(bench: BrokerBench, count: number, bounds = history): Promise<void> {
  for (let number = 1; number <= count; number++) await bench.publish("a", String(number), { history: bounds });
}
