import { createHub } from "@upwire/core";
import { expect, it, onTestFinished } from "vitest";
import parseByOthers from "parse-prometheus-text-format";
import { createMetrics, prometheusName } from "../src/index.ts";
import { prometheusText } from "../src/prometheus.ts";
import { parseExposition } from "./helpers/exposition.ts";
import { optionsOf, realSources } from "./helpers/sources.ts";

it("is read by a strict parser, and says help and type of each family as the metrics do", async () => {
  const sources = await realSources();
  const metrics = createMetrics(optionsOf(sources));
  const families = parseExposition(metrics.text());
  const expected = metrics.metrics.map((metric) => [prometheusName(metric), metric.help, metric.type === "counter" ? "counter" : "gauge"]);
  expect([...families].map(([name, { help, type }]) => [name, help, type])).toEqual(expected);
  for (const metric of metrics.metrics) {
    for (const { labels } of families.get(prometheusName(metric))?.samples ?? []) expect(Object.keys(labels)).toEqual(metric.labels);
  }
  metrics.stop();
  await sources.stop();
});

// https://prometheus.io/docs/practices/naming/, and what its linter says about it.
it("names metrics by the rules of Prometheus", async () => {
  const sources = await realSources();
  const metrics = createMetrics(optionsOf(sources));
  const names = metrics.metrics.map((metric) => ({ ...metric, prometheus: prometheusName(metric) }));
  expect(new Set(names.map(({ prometheus }) => prometheus)).size).toBe(names.length);
  for (const { prometheus, type, unit, help, labels } of names) {
    expect(prometheus).toMatch(/^upwire(?:_[a-z0-9]+)+$/);
    expect([prometheus, prometheus.endsWith("_total")]).toEqual([prometheus, type === "counter"]);
    const bare = prometheus.replace(/_total$/, "");
    expect([prometheus, bare.endsWith("_bytes")]).toEqual([prometheus, unit === "By"]);
    expect([prometheus, bare.endsWith("_seconds")]).toEqual([prometheus, unit === "s"]);
    expect(prometheus).not.toMatch(/_(?:count|sum|bucket|gauge|counter|ms|milliseconds|kilobytes)(?:_|$)/);
    expect(help).toMatch(/^[A-Z0-9].+\.$/);
    for (const label of labels) expect(label).toMatch(/^(?!__|le$|quantile$)[a-z_]+$/);
  }
  metrics.stop();
  await sources.stop();
});

/** Names that a text could be broken with. */
const odd = [
  'quote " quote',
  "back \\ slash",
  "the end\\",
  "line\nbreak",
  "\\n is no line break",
  '"} 1\nupwire_forged 7',
  "emoji 🫖, comma, {brace}, a=b",
  "tab\t, return\r, separator\u2028",
  "   ",
];

it.each(odd.map((name) => [name]))("escapes the name %j", (name) => {
  const metrics = createMetrics({ hubs: { [name]: createHub() }, eventLoopDelay: false });
  onTestFinished(() => metrics.stop());
  const families = parseExposition(metrics.text());
  expect(families.get("upwire_hub_rooms")?.samples).toEqual([{ labels: { hub: name }, value: 0 }]);
  expect([...families.keys()]).not.toContain("upwire_forged");
});

it("is read by a parser that others wrote as it is meant: each name, help, type, label and value", async () => {
  const sources = await realSources();
  const hubs = Object.fromEntries(odd.map((name) => [name, createHub()]));
  const metrics = createMetrics({ ...optionsOf(sources), hubs, eventLoopDelay: false });
  onTestFinished(() => metrics.stop());
  const expected = metrics.collect().flatMap(({ metric, samples }) => {
    const { type, help, labels } = metric;
    if (samples.length === 0) return [];
    const read = samples.map((sample) => ({ value: sample.value, labels: labels.length > 0 ? sample.labels : undefined }));
    return [{ name: prometheusName(metric), type: type === "counter" ? "COUNTER" : "GAUGE", help, metrics: read }];
  });
  expect(expected.length).toBeGreaterThan(60);
  const found = parseByOthers(metrics.text()).map(({ metrics: all, ...family }) => ({
    ...family,
    metrics: all.map(({ value, labels }) => ({ value: Number(value), labels })),
  }));
  // Time goes on between the two.
  const isStill = ({ name }: { readonly name: string }): boolean => !name.includes("event_loop");
  expect(found.filter(isStill)).toEqual(expected.filter(isStill));
  expect(found.map(({ name }) => name)).toEqual(expected.map(({ name }) => name));
  await sources.stop();
});

it("escapes help, and leaves out a family without samples", () => {
  const metric = { name: "upwire.test", type: "gauge", unit: "1", labels: [], help: 'a "b" \\ c\nd' } as const;
  expect(prometheusText([{ metric, samples: [] }])).toBe("");
  const text = prometheusText([{ metric, samples: [{ labels: {}, value: 2 ** 70 }] }]);
  expect(text).toBe('# HELP upwire_test a "b" \\\\ c\\nd\n# TYPE upwire_test gauge\nupwire_test 1.1805916207174113e+21\n');
  expect(parseExposition(text).get("upwire_test")).toEqual({ help: metric.help, type: "gauge", samples: [{ labels: {}, value: 2 ** 70 }] });
});

it.each([
  ["no end", "# HELP a b\n# TYPE a gauge\na 1"],
  ["no type", "# HELP a b\na 1\n"],
  ["a sample outside of its group", "# HELP a b\n# TYPE a gauge\nb 1\n"],
  ["two groups", "# HELP a b\n# TYPE a gauge\na 1\n# HELP c d\n# TYPE c gauge\nc 1\n# HELP a b\n# TYPE a gauge\na 2\n"],
  ["one sample twice", '# HELP a b\n# TYPE a gauge\na{x="1",y="2"} 1\na{y="2",x="1"} 1\n'],
  ["an open quote", '# HELP a b\n# TYPE a gauge\na{x="1} 1\n'],
  ["an unknown escape", '# HELP a b\n# TYPE a gauge\na{x="\\t"} 1\n'],
  ["no number", "# HELP a b\n# TYPE a gauge\na undefined\n"],
  ["an empty line", "# HELP a b\n# TYPE a gauge\na 1\n\n"],
])("has a parser that refuses %s", (_, text) => {
  expect(() => parseExposition(text)).toThrow();
});
