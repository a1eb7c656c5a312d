import { readFileSync } from "node:fs";
import {
  decodeBinaryFrame,
  encodeBinaryFrame,
  isTopicName,
  MAX_HEADER_BYTES,
  readClientFrame,
  topicName,
  TopicPattern,
  type ClientFrame,
} from "@upwire/protocol";
import { describe, expect, it } from "vitest";

const data = (name: string): unknown => JSON.parse(readFileSync(new URL(`../vectors/data/${name}.json`, import.meta.url), "utf8"));

describe("topic names", () => {
  const names = data("topic-names") as { right: unknown[]; wrong: unknown[] };
  it.each(names.right)("%j is one", (name) => expect(isTopicName(name)).toBe(true));
  it.each(names.wrong)("%j is none", (name) => expect(isTopicName(name)).toBe(false));
});

describe("topic patterns", () => {
  type Parameters = Record<string, string>;
  const patterns = data("topic-patterns") as {
    match: { pattern: string; name: string; parameters: Parameters | null }[];
    name: { pattern: string; parameters: Record<string, string | number>; name: string | null }[];
    overlap: [string, string, boolean][];
    wrong: string[];
  };

  it.each(patterns.match)("$pattern and $name", ({ pattern, name, parameters }) => {
    expect(new TopicPattern(pattern).match(name) ?? null).toEqual(parameters);
    if (parameters !== null) expect([new TopicPattern(pattern).name(parameters), topicName(pattern, parameters)]).toEqual([name, name]);
  });

  it.each(patterns.name)("$pattern with $parameters", ({ pattern, parameters, name }) => {
    if (name === null) {
      expect(() => new TopicPattern(pattern).name(parameters)).toThrow(TypeError);
      expect(() => topicName(pattern, parameters)).toThrow(TypeError);
    } else {
      expect([new TopicPattern(pattern).name(parameters), topicName(pattern, parameters)]).toEqual([name, name]);
      expect(new TopicPattern(pattern).match(name)).toEqual(Object.fromEntries(Object.entries(parameters).map(([key, value]) => [key, String(value)])));
    }
  });

  it.each(patterns.overlap)("%s and %s: %s", (one, two, overlaps) => {
    expect(new TopicPattern(one).overlaps(new TopicPattern(two))).toBe(overlaps);
    expect(new TopicPattern(two).overlaps(new TopicPattern(one))).toBe(overlaps);
  });

  it.each(patterns.wrong)("%j is none", (pattern) => expect(() => new TopicPattern(pattern)).toThrow(TypeError));

  it("say which parameter is missing, and take no other kind of value", () => {
    const pattern = new TopicPattern("{a}:{b}");
    expect(() => pattern.name({ a: "x" })).toThrow("topic {a}:{b}: parameter b is undefined; give a text or a number");
    expect(() => pattern.name({ a: "x", b: {} as never })).toThrow("parameter b is [object Object]");
    expect(() => topicName("{a}:{b}", { a: "x" })).toThrow('"x:", made of {a}:{b}, is no topic name');
  });
});

describe("messages of clients", () => {
  it.each(data("client-messages") as { message: unknown; read: ClientFrame }[])("$message", ({ message, read }) => {
    const frame = readClientFrame(message);
    expect(frame).toEqual(read.kind === "fault" ? { ...read, message: expect.any(String) as string } : read);
  });

  it("are never a reason to throw, whatever they hold", () => {
    const junk = [undefined, null, 0, -1, 1.5, "", "a:", true, [], {}, { last: 0 }];
    let number = 1;
    const pick = (values: readonly unknown[]): unknown => {
      number = (number * 48_271) % 2_147_483_647;
      return values[Math.floor((number / 2_147_483_647) * values.length)];
    };
    const mostly = (...good: readonly unknown[]): unknown => pick(pick([1, 2, 3, 4]) === 1 ? junk : good);
    const kinds = new Set<string>();
    for (let round = 0; round < 5000; round++) {
      const type = mostly("a", "upwire.subscribe", "upwire.unsubscribe", "upwire.cancel", "upwire.ping");
      const [id, re, topic] = [mostly(7, undefined), mostly(7, undefined), mostly("a", undefined)];
      kinds.add(readClientFrame({ type, id, re, topic, payload: mostly({}), key: mostly("k", undefined), since: mostly({ last: 1 }, undefined) }).kind);
    }
    expect([...kinds].toSorted()).toEqual(["cancel", "event", "fault", "ignored", "ping", "publish", "request", "subscribe", "unsubscribe"]);
  });
});

describe("binary messages", () => {
  const frames = data("binary-messages") as { right: { header: object; base64: string; frame: string }[]; wrong: { why: string; frame: string }[] };
  const bytes = (base64: string): Uint8Array => new Uint8Array(Buffer.from(base64, "base64"));

  it.each(frames.right)("$header", ({ header, base64, frame }) => {
    expect(encodeBinaryFrame(header, bytes(base64))).toEqual(bytes(frame));
    expect(decodeBinaryFrame(bytes(frame))).toEqual({ header, payload: bytes(base64) });
    const among = new Uint8Array([9, 9, ...bytes(frame)]).subarray(2);
    expect(decodeBinaryFrame(among)).toEqual({ header, payload: bytes(base64) });
  });

  it.each(frames.wrong)("are none: $why", ({ frame }) => expect(decodeBinaryFrame(bytes(frame))).toBeUndefined());

  it("have a header of at most 64 KiB", () => {
    const header = (length: number): object => ({ a: "x".repeat(length - '{"a":""}'.length) });
    const longest = encodeBinaryFrame(header(MAX_HEADER_BYTES), new Uint8Array(1));
    expect(decodeBinaryFrame(longest)?.payload).toEqual(new Uint8Array(1));
    expect(() => encodeBinaryFrame(header(MAX_HEADER_BYTES + 1), new Uint8Array(1))).toThrow(RangeError);
  });
});
