import { watch } from "@upwire/core/adapter";
import { unfit } from "../unfit.ts";
import type { Metric, Sample } from "./metric.ts";

/** One metric of a kind of source. Its name and labels are without those of the kind. */
export interface Row<From> extends Omit<Metric, "labels"> {
  readonly labels?: readonly string[];
  /** What it is now: one number, or several with labels. May throw. */
  read(from: From): unknown;
}

/** Counts by label, as `byLabel` makes them. */
export class Labelled {
  readonly samples: readonly { readonly labels: Readonly<Record<string, unknown>>; readonly value: unknown }[];

  constructor(samples: Labelled["samples"]) {
    this.samples = samples;
  }
}

/** What is counted under no name of the fixed set. */
export const OTHER = "other";

/**
 * A sample for each name of a fixed set, 0 where nothing was counted, since Prometheus sees no increase of a series that was not
 * there before. All that is counted under other names is in one more, so that nothing but the set decides how many there are.
 */
export function byLabel(label: string, names: readonly string[], counts: Readonly<Record<string, unknown>>, others?: typeof OTHER): Labelled {
  if (typeof counts !== "object" || counts === null || watch(counts, () => {}))
    throw unfit(label, counts, "table of counts", "an object with a number for each");
  const known = new Set(names);
  const samples = names.map((name) => ({ labels: { [label]: name }, value: Object.hasOwn(counts, name) ? (counts[name] ?? 0) : 0 }));
  const rest = Object.entries(counts).filter(([name]) => !known.has(name));
  if (rest.length > 0 || others !== undefined) {
    const value = rest.reduce((sum, [name, count]) => sum + numberOf(name, count), 0);
    samples.push({ labels: { [label]: OTHER }, value });
  }
  return new Labelled(samples);
}

/** @throws TypeError for a value that is no number, or a label that is no text: a source may be of another version, or a stand-in. */
export function samplesOf({ name, read }: { readonly name: string; readonly read: () => unknown }): Sample[] {
  const found = read();
  if (!(found instanceof Labelled)) return [{ labels: {}, value: numberOf(name, found) }];
  return found.samples.map(({ labels, value }) => ({ labels: textsOf(name, labels), value: numberOf(name, value) }));
}

function textsOf(name: string, labels: Readonly<Record<string, unknown>>): Readonly<Record<string, string>> {
  for (const [label, value] of Object.entries(labels)) if (typeof value !== "string") throw unfit(`${name}: ${label}`, value, "text", "a string");
  return labels as Readonly<Record<string, string>>;
}

function numberOf(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw unfit(name, value, "count", "a finite number");
}
