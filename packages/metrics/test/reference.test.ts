import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { createMetrics, prometheusName } from "../src/index.ts";
import { attributeName } from "../src/tables/metric.ts";
import { optionsOf, realSources } from "./helpers/sources.ts";

const page = readFileSync(new URL("../../../apps/docs/reference/metrics.md", import.meta.url), "utf8");

/** The cells of the table rows below a heading, without backquotes. */
function rowsBelow(heading: string): string[][] {
  const section = page.slice(page.indexOf(`\n## ${heading}\n`)).split(/\n## /)[1] ?? "";
  const rows = section.split("\n").filter((line) => line.startsWith("| `"));
  return rows.map((row) =>
    row
      .slice(2, -2)
      .split(" | ")
      .map((cell) => cell.replaceAll("`", "").trim()),
  );
}

it("has every metric in the reference, with both names, type, unit, labels and help, in the order of the code", async () => {
  const sources = await realSources();
  const metrics = createMetrics(optionsOf(sources));
  const rows = metrics.metrics.map((metric) => {
    const { name, type, unit, labels, help } = metric;
    return [prometheusName(metric), name, type, unit, labels.join(", ") || "none", help];
  });
  expect(rows.length).toBeGreaterThan(60);
  expect(rowsBelow("Names")).toEqual(rows);
  metrics.stop();
  await sources.stop();
});

it("has every label in the reference, with the name of its attribute", async () => {
  const sources = await realSources();
  const metrics = createMetrics(optionsOf(sources));
  const labels = [...new Set(metrics.metrics.flatMap((metric) => metric.labels))];
  const documented = rowsBelow("Labels").map(([label, attribute]) => [label, attribute]);
  expect(new Map(documented as [string, string][])).toEqual(new Map(labels.map((label) => [label, attributeName(label)])));
  // And the sets of values that are short enough to be written out.
  const valuesOf = (label: string): string[] =>
    rowsBelow("Labels")
      .find(([name]) => name === label)?.[2]
      ?.match(/\w+/g) ?? [];
  const samples = metrics.collect().flatMap((family) => family.samples);
  for (const label of ["type", "state", "source"]) {
    const found = new Set(samples.flatMap(({ labels: all }) => all[label] ?? []));
    expect([label, [...found].filter((value) => !valuesOf(label).includes(value))]).toEqual([label, []]);
    expect(found.size).toBeGreaterThan(1);
  }
  metrics.stop();
  await sources.stop();
});
