import { readdirSync, readFileSync } from "node:fs";
import {
  CloseCode,
  isSendableCloseCode,
  MAX_RETRY_AFTER_MS,
  MIN_LATER_MS,
  parseRetryAfter,
  retryAfterReason,
  retryOf,
  retryRules,
  type Retry,
} from "@upwire/protocol";
import { describe, expect, it } from "vitest";

const here = (path: string): string => readFileSync(new URL(path, import.meta.url), "utf8");

describe("the retry table", () => {
  it("covers 1000 to 4999 in order, without a gap or an overlap", () => {
    let next = 1000;
    for (const { from, to } of retryRules) {
      expect([from, to >= from]).toEqual([next, true]);
      next = to + 1;
    }
    expect(next).toBe(5000);
  });

  it.each(["../README.md", "../../../apps/docs/reference/close-codes.md"])("is the same as the table in %s, name by name", (page) => {
    const words = new Map<Retry, string>([
      [true, "yes"],
      [false, "no"],
      ["later", "later"],
    ]);
    const wanted = Object.entries(CloseCode).map(([name, code]) => `| ${code} | \`${name}\` | ${words.get(retryOf(code))} |`);
    const rows = [...here(page).matchAll(/^(\| \d{4} \| `\w+` \| \w+ \|)/gm)].map(([row]) => row);
    expect(rows).toEqual(wanted);
  });

  it.each<readonly [unknown, Retry]>([
    [1000, false],
    [1004, true],
    [1999, true],
    [3000, false],
    [3003, false],
    [3999, true],
    [4000, true],
    [4404, false],
    [4500, true],
    [999, true],
    [0, true],
    [-1, true],
    [5000, true],
    [65_535, true],
    [1000.5, true],
    [Number.NaN, true],
    [Number.POSITIVE_INFINITY, true],
    ["1000", true],
    [Symbol("x"), true],
    [undefined, true],
    [null, true],
    [{}, true],
  ])("says after %o: %o", (code, retry) => {
    expect(retryOf(code as number)).toBe(retry);
  });

  it("waits some seconds where it says later", () => {
    expect(MIN_LATER_MS).toBeGreaterThanOrEqual(1000);
  });
});

describe("a close code", () => {
  it("of ours may be sent, unless it stands for what is never on the wire", () => {
    const unsendable = Object.entries(CloseCode)
      .filter(([, code]) => !isSendableCloseCode(code))
      .map(([name]) => name);
    expect(unsendable).toEqual(["noStatus", "abnormal", "tlsHandshake"]);
    expect(new Set(Object.values(CloseCode)).size).toBe(Object.keys(CloseCode).length);
  });

  it.each([999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 1000.5, Number.NaN, "1000" as never as number])("%s may not be sent", (code) => {
    expect(isSendableCloseCode(code)).toBe(false);
  });
});

describe("retry-after", () => {
  it.each([0, 1, 1500, 59_999, MAX_RETRY_AFTER_MS])("%s comes back as it was written", (ms) => {
    expect(parseRetryAfter(retryAfterReason(ms))).toBe(ms);
  });

  it("is written in whole milliseconds, and as a reason that fits into a close frame", () => {
    expect(retryAfterReason(1499.2)).toBe("retry-after=1500");
    expect(retryAfterReason(MAX_RETRY_AFTER_MS - 0.5)).toBe("retry-after=3600000");
  });

  it.each([
    -1,
    -0.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    MAX_RETRY_AFTER_MS + 1,
    "5" as never as number,
    undefined as never as number,
    5n as never as number,
  ])("is not written for %s", (ms) => {
    expect(() => retryAfterReason(ms)).toThrow(RangeError);
    expect(() => retryAfterReason(ms)).toThrow(`${String(ms)} is not allowed; give milliseconds from 0 to 3600000`);
  });

  it.each(["retry-after=3600001", `retry-after=${"9".repeat(15)}`])("that is longer than an hour is an hour: %s", (reason) => {
    expect(parseRetryAfter(reason)).toBe(MAX_RETRY_AFTER_MS);
  });

  it.each([
    "",
    "going away",
    "retry-after=",
    "retry-after=-1",
    "retry-after=+5",
    "retry-after=1.5",
    "retry-after=1e3",
    "retry-after=0x10",
    "retry-after= 5",
    "retry-after=5 ",
    "retry-after=5\n",
    "retry-after=5\nretry-after=6",
    " retry-after=5",
    "Retry-After=5",
    "retry-after=٣",
    "retry-after=NaN",
    "retry-after=Infinity",
    `retry-after=${"9".repeat(16)}`,
    `retry-after=${"9".repeat(1_000_000)}`,
    undefined as never as string,
    null as never as string,
    { toString: () => "retry-after=5" } as never as string,
  ])("is not read from what tells no time, such as %j", (reason) => {
    expect(parseRetryAfter(reason)).toBeUndefined();
  });
});

it("imports nothing, so that it runs in a browser as it is", () => {
  for (const file of readdirSync(new URL("../src/", import.meta.url))) {
    expect([file, [...here(`../src/${file}`).matchAll(/from "([^.][^"]*)"/g)].map(([, from]) => from)]).toEqual([file, []]);
  }
  expect(JSON.parse(here("../package.json"))).not.toHaveProperty("dependencies");
});
