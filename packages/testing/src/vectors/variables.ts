import { isDeepStrictEqual } from "node:util";

/** `$id.a`, `$epoch`, `$text.key`: a value that one side chooses. With a name it is the same everywhere in the vector. */
const variable = /^\$(id|int|epoch|text|any)(?:\.(\w+))?$/;

const kinds: Readonly<Record<string, (value: unknown) => boolean>> = {
  id: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  int: (value) => Number.isSafeInteger(value) && (value as number) >= 0,
  epoch: (value) => typeof value === "string" && /^[\w-]{8,32}$/.test(value),
  text: (value) => typeof value === "string",
  any: () => true,
};

const show = (value: unknown): string => (value === undefined ? "nothing" : JSON.stringify(value));

/** What the variables of one run of a vector stand for. */
export class Variables {
  readonly #values = new Map<string, unknown>();
  #chosen = 0;

  /** The value that is sent for `template`: variables become values, members that end with `?` are left out. */
  fill(template: unknown): unknown {
    if (typeof template === "string") return this.#valueOf(template);
    if (Array.isArray(template)) return template.map((item) => this.fill(item));
    if (typeof template !== "object" || template === null) return template;
    const members = Object.entries(template).filter(([key]) => !key.endsWith("?"));
    return Object.fromEntries(members.map(([key, value]) => [key, this.fill(value)]));
  }

  /** What is wrong with `actual`, or `undefined` where it is what `template` says. */
  differs(template: unknown, actual: unknown, path = "it"): string | undefined {
    const [, kind, name] = typeof template === "string" ? (variable.exec(template) ?? []) : [];
    if (kind !== undefined) return this.#bind(kind, name, actual, path);
    if (typeof template !== "object" || template === null || typeof actual !== "object" || actual === null) {
      return template === actual ? undefined : `${path} is ${show(actual)}, and should be ${show(template)}`;
    }
    if (Array.isArray(template) !== Array.isArray(actual)) return `${path} is ${show(actual)}, and should be ${show(template)}`;
    const wanted = new Map(Object.entries(template));
    for (const [key, value] of Object.entries(actual)) {
      const known = wanted.has(key) || wanted.has(`${key}?`);
      if (!known && value !== undefined) return `${path} has ${key}: ${show(value)}, which should not be there`;
    }
    for (const [key, value] of wanted) {
      const isOptional = key.endsWith("?");
      const given = (actual as Record<string, unknown>)[isOptional ? key.slice(0, -1) : key];
      if (isOptional && given === undefined) continue;
      const fault = this.differs(value, given, `${path}.${key}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  }

  #bind(kind: string, name: string | undefined, actual: unknown, path: string): string | undefined {
    if (!kinds[kind]?.(actual) || actual === undefined) return `${path} is ${show(actual)}, and should be any ${kind}`;
    if (name === undefined) return undefined;
    const key = `${kind}.${name}`;
    if (!this.#values.has(key)) this.#values.set(key, actual);
    const bound = this.#values.get(key);
    return isDeepStrictEqual(bound, actual) ? undefined : `${path} is ${show(actual)}, and should be ${show(bound)}, as before`;
  }

  #valueOf(text: string): unknown {
    const [, kind, name] = variable.exec(text) ?? [];
    if (kind === undefined) return text;
    const key = `${kind}.${name ?? ""}`;
    if (name !== undefined && this.#values.has(key)) return this.#values.get(key);
    const number = ++this.#chosen;
    const value = kind === "epoch" ? `epoch-${String(number).padStart(4, "0")}` : kind === "text" ? `text ${number}` : number;
    if (name !== undefined) this.#values.set(key, value);
    return value;
  }
}
