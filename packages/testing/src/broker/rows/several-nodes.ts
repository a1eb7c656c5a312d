import type { BrokerData } from "@upwire/cluster/broker";
import { expect } from "vitest";
import { history, isUnavailable, type BrokerBench } from "../broker-bench.ts";
import type { Row } from "./row.ts";

const numbers = Array.from({ length: 40 }, (_, at) => at + 1);
/** Names that are one where they travel as UTF-8, or where something stands for what has none. */
const oddNames = ["\ud800", "\ud801", "\udc00", "\ufffd", "\ud800a", "\u{10000}", "\u0000utf16:00d8", "~00d8", "__proto__", "", "a\u0000b"];

/** Topics on several nodes: what one publishes, the others are told, and find in the history. */
export const severalNodes: readonly Row[] = [
  {
    title: "has one history for all nodes, with one epoch and one row of offsets",
    needs: ["nodes", "history"],
    async run(one) {
      const other = await one.join();
      const begun = await one.subscribe("a", history);
      expect(await other.subscribe("a", history)).toEqual(begun);
      for (const number of numbers) {
        const { position } = await (number % 2 === 0 ? one : other).publish("a", String(number), { history });
        expect(position).toEqual({ epoch: begun?.epoch, offset: number });
      }
      const kept = await one.history("a");
      expect(kept.publications.map(({ data }) => data)).toEqual(numbers.map(String));
      expect(await other.history("a")).toEqual(kept);
    },
  },
  {
    title: "keeps the order of each of two nodes that publish at the same time",
    needs: ["nodes", "history"],
    async run(one) {
      const other = await one.join();
      await one.of("eighty publishes", Promise.all([...publishAll(one, "one"), ...publishAll(other, "other")]));
      const kept = (await one.history("a")).publications.map(({ data }) => String(data).split(" "));
      for (const name of ["one", "other"]) {
        const values = kept.flatMap(([of, number]) => (of === name ? [Number(number)] : []));
        expect(values).not.toEqual([]);
        expect(values).toEqual([...new Set(values)].toSorted((a, b) => a - b));
      }
    },
  },
  {
    title: "publishes once for one key that two nodes give",
    needs: ["nodes", "history"],
    async run(one) {
      const other = await one.join();
      const { position } = await one.publish("a", "x", { history, key: "key" });
      expect(await other.publish("a", "again", { history, key: "key" })).toMatchObject({ position, repeated: true });
      expect((await other.history("a")).publications).toEqual([{ offset: 1, data: "x" }]);
    },
  },
  {
    title: "keeps topics apart, and keys, whose names differ in half of a surrogate pair",
    needs: ["nodes", "history", "steady", "exact"],
    async run(one) {
      const other = await one.join();
      for (const name of oddNames) {
        await other.subscribe(name, history);
        await other.subscribe(`plain ${name}`);
      }
      // The node that keeps the history is one of them, and a name comes to it in another way than to the other one.
      for (const node of [one, other]) {
        for (const name of oddNames) {
          await node.publish(name, name, { history });
          await node.publish(`plain ${name}`, name);
          expect(await node.publish("keys", name, { history, key: `${node.broker.node}${name}` })).toMatchObject({ repeated: false });
        }
      }
      await one.until("all are told", () => other.told.length >= 4 * oddNames.length);
      for (const name of oddNames) {
        for (const topic of [name, `plain ${name}`])
          expect([topic, other.toldOf(topic).map(asUtf8)]).toEqual([topic, [asUtf8({ data: name }), asUtf8({ data: name })]]);
        expect((await one.history(name)).top).toBe(2);
      }
      expect((await one.history("keys")).top).toBe(2 * oddNames.length);
      for (const node of [one, other])
        for (const name of oddNames) expect(await other.publish("keys", "x", { history, key: `${node.broker.node}${name}` })).toMatchObject({ repeated: true });
    },
  },
  {
    title: "tells or shows a node what another one publishes after the position of its subscribe",
    needs: ["nodes", "history"],
    async run(one) {
      const other = await one.join();
      for (const number of [1, 2, 3]) await one.publish("a", String(number), { history });
      expect((await other.subscribe("a", history))?.offset).toBe(3);
      for (const number of numbers) await one.publish("a", String(3 + number), { history, origin: "it" });
      await one.until("the last offset is told or shown", () => other.shownOf("a") === 43);
      expect(other.toldOf("a")).not.toEqual([]);
      for (const { data, position, origin } of other.toldOf("a")) expect([data, origin]).toEqual([String(position?.offset), "it"]);
    },
  },
  {
    title: "tells every node the same, in the same order",
    needs: ["nodes", "history", "exact", "steady"],
    async run(one) {
      const other = await one.join();
      await one.subscribe("a", history);
      await other.subscribe("a", history);
      await one.of("eighty publishes", Promise.all([...publishAll(one, "one"), ...publishAll(other, "other")]));
      // The promise of a publish does not wait for what another node has published.
      await one.until("both are told all", () => one.toldOf("a").length >= 80 && other.toldOf("a").length >= 80);
      expect(one.toldOf("a")).toHaveLength(80);
      expect(other.toldOf("a")).toEqual(one.toldOf("a"));
    },
  },
  {
    title: "shows every node the newest position at least once a second",
    needs: ["nodes", "history", "tops"],
    async run(one) {
      const other = await one.join();
      await other.subscribe("a", history);
      const position = { ...(await one.publish("a", "x", { history })).position };
      for (let second = 1; second <= one.seconds; second++) expect(await other.nextTop("a")).toEqual(position);
    },
  },
  {
    title: "tells a node what another one publishes to a topic without history, or a gap",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      await other.subscribe("a");
      for (const number of numbers) await one.publish("a", String(number), { origin: "it" });
      await one.until("all are told, or a gap is", () => other.gaps.includes("a") || other.told.length === numbers.length);
      const values = other.toldOf("a").map(({ data }) => Number(data));
      expect(values).not.toEqual([]);
      expect(new Set(values).size).toBe(values.length);
      for (const { data, position, origin } of other.toldOf("a")) expect([typeof data, position, origin]).toEqual(["string", undefined, "it"]);
    },
  },
  {
    title: "tells a node nothing of what it has not subscribed, or no longer",
    needs: ["nodes"],
    async run(one) {
      const other = await one.join();
      for (const topic of ["never", "left", "a"]) await one.subscribe(topic);
      await other.subscribe("left");
      await other.subscribe("a");
      await other.unsubscribe("left");
      for (const topic of ["never", "left", "a"]) for (const number of numbers) await one.publish(topic, String(number));
      await one.until("a later one is told, or a gap is", () => other.told.length + other.gaps.length > 0);
      expect(new Set([...other.told.map(([topic]) => topic), ...other.gaps])).toEqual(new Set(["a"]));
    },
  },
  {
    title: "says how many other nodes a publication is handed to",
    needs: ["nodes", "others"],
    async run(one) {
      const [second, third] = [await one.join(), await one.join()];
      for (const bounds of [{ topic: "plain" }, ...(one.broker.capabilities.history === "none" ? [] : [{ topic: "kept", history }])]) {
        const { topic, ...options } = bounds;
        const others = async (): Promise<number | undefined> => (await one.publish(topic, "x", options)).others;
        expect(await others()).toBe(0);
        await one.subscribe(topic, bounds.history);
        expect(await others()).toBe(0);
        await second.subscribe(topic, bounds.history);
        expect(await others()).toBe(1);
        await third.subscribe(topic, bounds.history);
        expect(await others()).toBe(2);
        await second.unsubscribe(topic);
        expect(await others()).toBe(1);
      }
    },
  },
  {
    title: "keeps the history when the node that began it has closed",
    needs: ["nodes", "history"],
    async run(one) {
      const other = await one.join();
      await other.subscribe("a", history);
      for (const number of [1, 2, 3]) await one.publish("a", String(number), { history, key: `key-${number}` });
      await one.of("close", one.broker.close());
      const { position } = await other.publish("a", "4", { history });
      expect(position?.offset).toBe(4);
      const kept = await other.history("a");
      expect(kept.epoch).toBe(position?.epoch);
      expect(kept.publications.map(({ data }) => data)).toEqual(["1", "2", "3", "4"]);
      expect(await other.publish("a", "again", { history, key: "key-3" })).toMatchObject({ position: { offset: 3 }, repeated: true });
    },
  },
  {
    title: "shows a node that was cut off all that it has lost",
    needs: ["nodes", "cut"],
    async run(one) {
      const other = await one.join();
      const keeps = one.broker.capabilities.history !== "none";
      await other.subscribe("plain");
      if (keeps) await other.subscribe("kept", history);
      await other.cut();
      for (const number of numbers) await one.publish("plain", String(number));
      const top = keeps ? (await one.publish("kept", "x", { history })).position?.offset : 0;
      await other.mend();
      await one.until("all are told, or a gap is", () => other.gaps.includes("plain") || other.toldOf("plain").length === numbers.length, 2);
      await one.until("the last offset is told or shown", () => other.shownOf("kept") === top, 2);
    },
  },
  {
    title: "rejects a publish that other nodes cannot get, or says that it is local",
    needs: ["nodes", "cut"],
    async run(one) {
      const other = await one.join();
      await one.subscribe("a");
      await other.subscribe("a");
      await one.cut();
      const outcome = await one.of(
        "a publish of a node that is cut off",
        one.broker.publish("a", "x").catch((error: unknown) => error),
        2,
      );
      if (!isUnavailable(outcome)) {
        expect(outcome).toMatchObject({ position: undefined, delivery: "local-only", repeated: false });
        await one.until("it is told here, or a gap is", () => one.told.length + one.gaps.length > 0);
      }
      expect(other.told).toEqual([]);
      await one.mend();
      await one.until("the broker is up", () => one.broker.state() === "up", 2);
    },
  },
];

/** Forty publishes in one go, some of which may fail. */
function publishAll({ broker }: BrokerBench, name: string): Promise<unknown>[] {
  return numbers.map((number) =>
    broker.publish("a", `${name} ${number}`, { history }).catch((error: unknown) => {
      if (!isUnavailable(error)) throw error;
    }),
  );
}

/** Data is text, in which half of a surrogate pair may become U+FFFD. */
function asUtf8({ data }: { readonly data: BrokerData }): string {
  return new TextDecoder().decode(typeof data === "string" ? new TextEncoder().encode(data) : data);
}
