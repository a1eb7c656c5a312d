import { prometheusName, type Family, type Sample } from "./tables/metric.ts";

/** The content type of the text. Source of the format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
export const PROMETHEUS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

/** The text format 0.0.4. A family without samples is left out. */
export function prometheusText(families: readonly Family[]): string {
  return families.map(familyText).join("");
}

function familyText({ metric, samples }: Family): string {
  if (samples.length === 0) return "";
  const name = prometheusName(metric);
  const type = metric.type === "counter" ? "counter" : "gauge";
  const lines = [`# HELP ${name} ${escapeHelp(metric.help)}`, `# TYPE ${name} ${type}`, ...samples.map((sample) => sampleText(name, sample))];
  return lines.join("\n") + "\n";
}

function sampleText(name: string, { labels, value }: Sample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${escapeValue(text)}"`);
  return `${name}${pairs.length > 0 ? `{${pairs.join(",")}}` : ""} ${value}`;
}

function escapeHelp(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
}

function escapeValue(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"');
}
