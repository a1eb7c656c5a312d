import { expect } from "vitest";
import { history } from "../broker-bench.ts";
import type { Row } from "./row.ts";

/** What a key does. */
export const keys: readonly Row[] = [
  {
    title: "publishes once for one key, and answers with the position of the first time",
    needs: ["history"],
    async run(bench) {
      await bench.subscribe("a", history);
      for (let number = 1; number <= 20; number++) {
        const options = { history, key: `key-${number}` };
        const { position } = await bench.publish("a", String(number), options);
        expect(position?.offset).toBe(number);
        expect(await bench.publish("a", "again", options)).toMatchObject({ position, repeated: true });
      }
      expect((await bench.history("a")).publications.map(({ data }) => data)).not.toContain("again");
    },
  },
  {
    title: "publishes once for one key that comes twice at the same time",
    needs: ["history"],
    async run(bench) {
      const publish = () => bench.publish("a", "x", { history, key: "key" });
      const [one, other] = await Promise.all([publish(), publish()]);
      expect(one.position).toEqual(other.position);
      expect((await bench.page("a", 0, 10)).top).toBe(1);
    },
  },
  {
    title: "says of a first publish that it is not repeated",
    needs: ["steady"],
    async run(bench) {
      expect((await bench.publish("a", "x", { key: "key" })).repeated).toBe(false);
    },
  },
  {
    title: "publishes once for one key without history too",
    needs: ["exact", "steady"],
    async run(bench) {
      await bench.subscribe("a");
      await bench.publish("a", "x", { key: "key" });
      expect(await bench.publish("a", "x", { key: "key" })).toMatchObject({ position: undefined, repeated: true });
      expect(bench.told).toHaveLength(1);
    },
  },
  {
    title: "takes the same key in two topics for two",
    needs: ["history"],
    async run(bench) {
      await bench.publish("a", "x", { history, key: "bc" });
      await bench.publish("ab", "x", { history, key: "c" });
      expect((await bench.page("a", 0, 10)).top).toBe(1);
      expect((await bench.page("ab", 0, 10)).top).toBe(1);
    },
  },
  {
    title: "remembers a key as long as asked for",
    needs: ["age", "steady"],
    async run(bench) {
      await bench.publish("a", "x", { key: "key", keyMs: 500_000 });
      await bench.publish("a", "x", { key: "other" });
      bench.clock.advance(119_000);
      expect((await bench.publish("a", "x", { key: "other" })).repeated).toBe(true);
      bench.clock.advance(380_000);
      expect((await bench.publish("a", "x", { key: "key" })).repeated).toBe(true);
    },
  },
];
