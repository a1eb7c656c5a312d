import { describe, expect, it } from "vitest";
import { ByteReader } from "../../src/casts/byte-reader.ts";
import { ByteWriter } from "../../src/casts/byte-writer.ts";
import { Receipts } from "../../src/casts/receipts.ts";

/** The runs that are written: the first cast, how many, and how many queues took each. */
function written(receipts: Receipts, now: number): number[][] {
  const content = new ByteWriter();
  receipts.write(content, now);
  const reader = new ByteReader(content.take());
  const runs: number[][] = [];
  while (!reader.isAtEnd) runs.push([reader.number(), reader.number(), reader.number()]);
  return runs;
}

describe("receipts", () => {
  it("are runs of casts that follow each other and were taken alike", () => {
    const receipts = new Receipts();
    expect([1, 2, 3].map((cast) => receipts.add(cast, 5))).toEqual([true, false, false]);
    for (const [cast, took] of [
      [4, 6],
      [6, 6],
      [5, 6],
      [7, 6],
    ] as const)
      receipts.add(cast, took);
    expect(written(receipts, 0)).toEqual([
      [1, 3, 5],
      [4, 1, 6],
      [6, 1, 6],
      [5, 1, 6],
      [7, 1, 6],
    ]);
    expect(written(receipts, 0)).toEqual([]);
    expect(receipts.add(8, 6)).toBe(true);
  });

  it("are given once more to who asks within 2 s", () => {
    const receipts = new Receipts();
    receipts.add(1, 5);
    receipts.add(2, 5);
    written(receipts, 0);
    receipts.add(4, 1);
    written(receipts, 1500);
    receipts.add(5, 2);
    // 5 is to be told of in any case.
    expect(
      receipts.repeat([
        { first: 2, count: 5 },
        { first: 100, count: 1 },
      ]),
    ).toEqual([3, 6, 100]);
    expect(written(receipts, 2000)).toEqual([
      [5, 1, 2],
      [2, 1, 5],
      [4, 1, 1],
    ]);
    written(receipts, 2001);
    receipts.add(9, 9);
    written(receipts, 3000);
    expect(receipts.repeat([{ first: 1, count: 1 }])).toEqual([1]);
    expect(receipts.repeat([{ first: 2, count: 1 }])).toEqual([]);
  });

  it("are not kept without bound, and no question takes long", () => {
    const receipts = new Receipts();
    for (let turn = 0; turn < 30; turn++) {
      for (let cast = 0; cast < 1000; cast++) receipts.add(turn * 2000 + cast * 2, 1);
      written(receipts, 0);
    }
    expect(receipts.repeat([{ first: 0, count: 1 }])).toEqual([0]);
    expect(receipts.repeat([{ first: 58_000, count: 1 }])).toEqual([]);
    expect(receipts.repeat(Array.from({ length: 1000 }, (_, n) => ({ first: n * 1_000_000 + 1_000_000, count: 1_000_000 }))).length).toBe(200_000);
  });
});

describe("numbers and text", () => {
  it("are read as they were written", () => {
    const numbers = [0, 1, 127, 128, 16_383, 16_384, 2 ** 31, 2 ** 32 + 5, 2 ** 53 - 1];
    const texts = ["", "tea", "ä€😀", "\ud800".padEnd(3), "x".repeat(1000), "ä".repeat(70)];
    const writer = new ByteWriter();
    for (const number of numbers) writer.number(number);
    for (const text of texts) writer.text(text);
    writer.bytes(new Uint8Array(300).fill(7));
    const reader = new ByteReader(writer.take());
    expect(numbers.map(() => reader.number())).toEqual(numbers);
    expect(texts.map(() => reader.text())).toEqual(texts.map((text) => Buffer.from(text).toString()));
    expect([...reader.rest()]).toEqual(Array(300).fill(7));
    expect(writer.length).toBe(0);
  });
});
