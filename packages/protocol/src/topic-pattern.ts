import { encodeSegment, isTopicName, topicName } from "./names.ts";

const parameter = /^\{([A-Za-z_]\w*)\}$/;
const forbidden = ["__proto__", "constructor", "prototype"];

/** The parameter that a segment of a name stands for, or `undefined` where `encodeSegment` would not have written that. */
function decodeSegment(segment: string): string | undefined {
  if (!segment.includes("%")) return segment;
  try {
    const value = decodeURIComponent(segment);
    return encodeSegment(value) === segment ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The names of topics that an application knows, such as `room:{room}`: `{x}` stands for one whole segment. */
export class TopicPattern {
  readonly pattern: string;
  /** The names of its parameters, in their order. */
  readonly parameters: readonly string[];
  readonly #segments: readonly { readonly literal: string; readonly parameter: string | undefined }[];

  /** @throws TypeError for what is no pattern, and for a parameter that is there twice. */
  constructor(pattern: string) {
    const refuse = (why: string): never => {
      throw new TypeError(`topic pattern ${JSON.stringify(pattern)} is not allowed: ${why}; give one such as "room:{room}"`);
    };
    if (!isTopicName(pattern)) refuse("it is no topic name");
    this.pattern = pattern;
    this.#segments = pattern.split(":").map((literal) => ({ literal, parameter: parameter.exec(literal)?.[1] }));
    this.parameters = this.#segments.flatMap(({ parameter: name }) => (name === undefined ? [] : [name]));
    if (new Set(this.parameters).size < this.parameters.length) refuse("a parameter is there twice");
    for (const name of this.parameters) if (forbidden.includes(name)) refuse(`no parameter may be called ${name}`);
    for (const { literal, parameter: name } of this.#segments) {
      if (name === undefined && /[{}]/.test(literal)) refuse(`${literal} is neither {name} nor free of braces`);
    }
  }

  /** The parameters that give `name`, or `undefined` for the name of another topic. */
  match(name: string): Record<string, string> | undefined {
    const given = name.split(":");
    if (given.length !== this.#segments.length) return undefined;
    const found: Record<string, string> = {};
    for (const [index, { literal, parameter: key }] of this.#segments.entries()) {
      const segment = given[index] as string;
      if (key === undefined) {
        if (segment !== literal) return undefined;
        continue;
      }
      const value = decodeSegment(segment);
      if (value === undefined || value === "") return undefined;
      found[key] = value;
    }
    return found;
  }

  /**
   * The name of the topic with these parameters: what `match` takes apart again.
   * @throws TypeError for a parameter that is missing, empty, too long, or neither a text nor a number.
   */
  name(parameters: Readonly<Record<string, string | number>>): string {
    for (const key of this.parameters) {
      const value: unknown = parameters[key];
      if (typeof value === "string" || typeof value === "number") continue;
      throw new TypeError(`topic ${this.pattern}: parameter ${key} is ${String(value)}; give a text or a number`);
    }
    return topicName(this.pattern, parameters);
  }

  /** Is there a name that both patterns match? */
  overlaps(other: TopicPattern): boolean {
    if (this.#segments.length !== other.#segments.length) return false;
    return this.#segments.every((one, index) => {
      const two = other.#segments[index];
      return one.parameter !== undefined || two?.parameter !== undefined || one.literal === two?.literal;
    });
  }
}
