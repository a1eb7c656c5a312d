import fc from "fast-check";
import { expect, it } from "vitest";
import { Names } from "../../src/data/names.ts";

const names = new Names("p");
const text = fc.string({ unit: fc.constantFrom("a", "b", "{", "}", "=", "~", ":", "1", "\0", "ä", "\ud800", "\udc00", "€"), maxLength: 6 });

/** What Redis hashes: what stands between the first brace and the next closing one. */
function tagOf(name: string): string {
  return /\{([^}]+)\}/.exec(name)?.[1] ?? name;
}

it("gives all keys and the channel of a topic one hash tag, whatever its characters", () => {
  fc.assert(
    fc.property(text, text, (topic, key) => {
      const all = [names.meta(topic), names.stream(topic), names.channel(topic), names.key(topic, key)];
      expect(new Set(all.map(tagOf)).size).toBe(1);
    }),
  );
});

it("gives no two topics, and no two keys of topics, the same name, as bytes of UTF-8 too", () => {
  fc.assert(
    fc.property(text, text, text, text, (topic, key, otherTopic, otherKey) => {
      fc.pre(topic !== otherTopic || key !== otherKey);
      const of = (one: string, its: string): string[] =>
        [names.meta(one), names.stream(one), names.channel(one), names.key(one, its)].map((name) => Buffer.from(name).toString("hex"));
      const [meta, stream, channel, whole] = of(topic, key);
      const [otherMeta, otherStream, otherChannel, otherWhole] = of(otherTopic, otherKey);
      expect(whole).not.toBe(otherWhole);
      if (topic !== otherTopic) expect([meta === otherMeta, stream === otherStream, channel === otherChannel]).toEqual([false, false, false]);
      expect(new Set([meta, stream, channel, whole]).size).toBe(4);
    }),
    { numRuns: 2000 },
  );
});
