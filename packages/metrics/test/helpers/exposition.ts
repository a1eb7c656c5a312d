interface ParsedSample {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface ParsedFamily {
  readonly help: string;
  readonly type: "counter" | "gauge";
  readonly samples: readonly ParsedSample[];
}

const NAME = "[a-zA-Z_:][a-zA-Z0-9_:]*";
const LABEL = '[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\\\\n]|\\\\[\\\\"n])*"';
const HELP = new RegExp(`^# HELP (${NAME}) ((?:[^\\\\]|\\\\[\\\\n])*)$`);
const TYPE = new RegExp(`^# TYPE (${NAME}) (counter|gauge)$`);
const SAMPLE = new RegExp(`^(${NAME})(?:\\{(${LABEL}(?:,${LABEL})*)\\})? (-?\\d+(?:\\.\\d+)?(?:e[+-]?\\d+)?)$`);

/**
 * Reads the text format 0.0.4, as far as we write it, and accepts nothing else: each family is one group that begins with HELP and TYPE, a sample has a
 * set of labels that no other has, backslashes stand before what they may escape, and the text ends with a line break.
 * Source: https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
 * @throws Error that shows the line.
 */
export function parseExposition(text: string): Map<string, ParsedFamily> {
  const families = new Map<string, { help: string; type: "counter" | "gauge"; samples: ParsedSample[] }>();
  if (!text.endsWith("\n")) throw new Error("the last line does not end");
  let helped: [name: string, help: string] | undefined;
  let current = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const fail = (what: string): never => {
      throw new Error(`${what}: ${line}`);
    };
    const help = HELP.exec(line);
    const type = TYPE.exec(line);
    const sample = SAMPLE.exec(line);
    if (help !== null) {
      if (helped !== undefined) fail("HELP without a TYPE before this line");
      helped = [help[1] ?? "", unescape(help[2] ?? "")];
      if (families.has(helped[0])) fail("a second group of one family");
    } else if (type !== null) {
      if (helped?.[0] !== type[1]) fail("TYPE of another family than HELP");
      current = type[1] ?? "";
      families.set(current, { help: helped?.[1] ?? "", type: type[2] as "counter" | "gauge", samples: [] });
      helped = undefined;
    } else if (sample !== null) {
      if (helped !== undefined || sample[1] !== current) fail("a sample outside of its group");
      const samples = families.get(current)?.samples ?? [];
      const labels = labelsOf(sample[2] ?? "", fail);
      if (samples.some((other) => isSame(other.labels, labels))) fail("two samples with the same labels");
      samples.push({ labels, value: Number(sample[3]) });
    } else {
      fail("no line of the format");
    }
  }
  return families;
}

function labelsOf(text: string, fail: (what: string) => never): Record<string, string> {
  const pairs = [...text.matchAll(/([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"/g)].map(([, name = "", value = ""]) => [name, unescape(value)] as const);
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) fail("a label twice");
  return Object.fromEntries(pairs);
}

function isSame(one: Readonly<Record<string, string>>, other: Readonly<Record<string, string>>): boolean {
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => one[name] === other[name]);
}

function unescape(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}

/** The value of the one sample with these labels. @throws Error when there is none. */
export function valueOf(text: string, name: string, labels: Readonly<Record<string, string>> = {}): number {
  const found = parseExposition(text)
    .get(name)
    ?.samples.find((sample) => isSame(sample.labels, labels));
  if (found === undefined) throw new Error(`no sample ${name} with ${JSON.stringify(labels)}`);
  return found.value;
}
