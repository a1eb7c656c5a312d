import { describe, expect, it } from "vitest";
import { readArguments } from "../src/arguments.ts";
import { chart } from "../src/chart.ts";
import { judge } from "../src/claims.ts";
import type { Figures } from "../src/driver/job.ts";
import { report } from "../src/report.ts";
import { select } from "../src/selection.ts";

function figures(cpuUs: number, others: Partial<Figures> = {}): Figures {
  return { cpuUs, rssMb: 80, lost: 0, disorders: 0, closed: 0, serverShare: 0.9, driverShare: 0.5, ...others };
}

const results = new Map([
  [
    "b64",
    new Map([
      ["upwire", [figures(0.3), figures(0.2), figures(0.1)]],
      ["ws", [figures(12), figures(10), figures(11, { lost: 3 })]],
      ["raw-net-joined", [figures(0.05)]],
    ]),
  ],
]);

const b64Only = select(readArguments(["--only", "b64"]), () => true);

describe("judge", () => {
  it("compares medians with what is stated", () => {
    const verdicts = judge(results).map(({ claim, measured, holds, isGrosslyWrong }) => [claim.against, measured, holds, isGrosslyWrong]);
    expect(verdicts).toEqual([
      ["ws", 55, true, false],
      ["raw-net-joined", 4, false, true],
    ]);
  });
});

describe("judge, on topics", () => {
  const measured = new Map([
    // The machine was twice as slow in one round, for both.
    [
      "topic64",
      new Map([
        ["frames", [figures(0.1), figures(0.2), figures(0.1)]],
        ["topic", [figures(0.11), figures(0.22), figures(0.13)]],
      ]),
    ],
    ["resume", new Map([["topic", [figures(120)]]])],
    [
      "v1-idle",
      new Map([
        ["plain", [figures(0, { heapPerConnection: 2000 })]],
        ["topic", [figures(0, { heapPerConnection: 2900 })]],
      ]),
    ],
  ]);

  it("compares within each round, with a bound of its own, and by the difference", () => {
    const verdicts = judge(measured).map(({ claim, measured: value, holds }) => [claim.cell, Number(value.toFixed(3)), holds]);
    expect(verdicts).toEqual([
      ["topic64", 1.1, true],
      ["resume", 120, false],
      ["v1-idle", 900, true],
    ]);
  });

  it("shows them as they are stated", () => {
    const only = select(readArguments(["--only", "topic64,resume,v1-idle"]), () => true);
    const text = report(only, measured, judge(measured));
    expect(text).toMatch(/^\| upwire, a topic +\| +0\.130 \| +85 % \| +1\.10 \|/m);
    expect(text).toMatch(/resume +\| +CPU +\| +topic +\| +\| +at most 100 +\| +120 +\| +misses/);
    expect(text).toMatch(/v1-idle +\| +heap +\| +topic +\| +plain +\| +at most 1,024 B more +\| +900 +\| +holds/);
  });
});

describe("report", () => {
  it("shows median, spread and ratio to ws, and marks rows that the driver limited", () => {
    const text = report(b64Only, results, []);
    expect(text).toMatch(/^\| upwire, node:http +\| +0\.200 \| +100 % \| +55\.0 x \|.*\| +90.0 \| +50.0 \|$/m);
    expect(text).toMatch(/^\| ws, a loop of send +\| +11\.0 \| +18 % \| +1\.00 x \|.*\| +3 \| +0 \| +0 \| +90.0 \| +50.0 \|$/m);
    expect(report(b64Only, new Map([["b64", new Map([["ws", [figures(1, { driverShare: 0.95 })]]])]]), [])).toContain("95.0 (!)");
  });
});

describe("chart", () => {
  it("draws the longest bar for the cheapest row, on one scale", () => {
    const svg = chart(results) ?? "";
    const widths = [...svg.matchAll(/<rect class="(?:upwire|control|rival)" x="\d+" y="\d+" width="([\d.]+)"/g)].map(([, width]) => Number(width));
    expect(widths).toHaveLength(3);
    expect(widths).toEqual(widths.toSorted((a, b) => b - a));
    const [longest = 0, next = 0] = widths;
    expect(longest / next).toBeCloseTo(4, 1);
    expect(chart(new Map())).toBeUndefined();
  });
});

describe("arguments", () => {
  it("select cells and rows by name", () => {
    const selected = select(readArguments(["--only", "b64,z16", "--rows", "ws,raw-net-joined"]), () => true);
    expect([...selected].map(([name, { rows }]) => [name, rows])).toEqual([
      ["b64", ["ws", "raw-net-joined"]],
      ["z16", ["ws"]],
    ]);
  });
  it("leave out what cannot run", () => {
    const selected = select(readArguments(["--quick"]), (row) => !row.startsWith("gorilla"));
    expect([...selected.values()].flatMap(({ rows }) => rows)).not.toContain("gorilla");
  });
  it.each([[["--only", "b65"]], [["--rows", "upwires"]], [["--rounds", "0"]], [["--fast"]]])("refuse %j", (args) => {
    expect(() => readArguments(args)).toThrow(TypeError);
  });
});
