import type { Clock } from "@upwire/core";
import { kinds as optionKinds, readOptions, type OptionKinds } from "@upwire/core/adapter";
import { kindOf } from "./kind-of.ts";
import { sourceKinds, type SourceOptions } from "./source-kinds.ts";

/** Which source could not be read: `{ kind: "hub", name: "chat" }`. */
export interface FailedSource {
  /** `attachment`, `upgrader`, `hub`, `cluster_hub`, `realtime` or `broker`. */
  readonly kind: string;
  /** The name that the application gave to it. */
  readonly name: string;
}

/** Options of `createMetrics`: what is read, and how. */
export interface MetricsOptions extends SourceOptions {
  /**
   * Codes of your own closures (`connection.fail`) that are counted apart, at most 64, each of 1 to 64 letters, digits, `_`, `.` or
   * `-`. All others are counted together as `other`, since a code could be made of what a client sent. @default none
   */
  readonly closureCodes?: readonly string[];
  /**
   * With `true` a broker that is down leaves the process ready; the body of the answer still tells of it. For an application whose topics go on
   * locally without it: an outage of the broker makes all processes unready at once, and then a load balancer has none left. @default false
   */
  readonly readyWithoutBroker?: boolean;
  /** Measures how late the event loop is, by a timer each 20 ms that takes about 0.5 % of a core. @default true */
  readonly eventLoopDelay?: boolean;
  /**
   * A source has thrown, or gave what is no count, after it could be read before. It is published on the channel `upwire:error` too.
   * What it throws is lost. @default writes to stderr
   */
  readonly onError?: (error: unknown, source: FailedSource) => void;
  /** Replaces time in tests. @default real time */
  readonly clock?: Clock;
}

/** Labels must stay few: each one is a series that Prometheus keeps. */
const MAX_SOURCES = 256;
const MAX_NAME_LENGTH = 128;
const MAX_CODES = 64;
const CODE = /^[\w.-]{1,64}$/;

const { anything, callback, flag, clock } = optionKinds;
const sources = Object.fromEntries(sourceKinds.map(({ option }) => [option, anything])) as Record<keyof SourceOptions, typeof anything>;
const wanted: OptionKinds<MetricsOptions> = {
  ...sources,
  closureCodes: {
    right: `a list of at most ${MAX_CODES} codes, each of 1 to 64 letters, digits, "_", "." or "-"`,
    fits: (value) => Array.isArray(value) && value.length <= MAX_CODES && value.every((code) => typeof code === "string" && CODE.test(code)),
  },
  readyWithoutBroker: flag,
  eventLoopDelay: flag,
  onError: callback,
  clock,
};

/** One source of the application. */
export interface NamedSource {
  readonly name: string;
  readonly source: unknown;
}

export interface CheckedOptions extends Omit<MetricsOptions, keyof SourceOptions> {
  /** By the name of the option. */
  readonly sources: ReadonlyMap<string, readonly NamedSource[]>;
}

/** @throws TypeError for options that cannot be meant. */
export function checkOptions(given: MetricsOptions | undefined): CheckedOptions {
  const options = readOptions<MetricsOptions>("createMetrics", given, wanted);
  return { ...options, sources: new Map(sourceKinds.map((kind) => [kind.option, sourcesOf(kind, options[kind.option])])) };
}

type AnyKind = (typeof sourceKinds)[number];

function sourcesOf(kind: AnyKind, given: unknown): NamedSource[] {
  const { option, right } = kind;
  if (given === undefined) return [];
  const example = `such as { chat: … }, with ${right} behind each name`;
  const isRecord = typeof given === "object" && given !== null && [Object.prototype, null].includes(Object.getPrototypeOf(given) as object | null);
  // A realtime is a plain object itself, so this sees more than the prototype.
  if (!isRecord || kind.fits(given)) throw new TypeError(`createMetrics: ${option}: ${kindOf(given)} has no names; give an object with names, ${example}`);
  const all = Object.entries(given).map(([name, source]) => ({ name, source }));
  if (all.length > MAX_SOURCES) throw new TypeError(`createMetrics: ${option}: ${all.length} names are too many; give at most ${MAX_SOURCES}`);
  for (const { name, source } of all) {
    if (name.length === 0 || name.length > MAX_NAME_LENGTH || !isWellFormed(name)) {
      throw new TypeError(
        `createMetrics: ${option}: the name ${JSON.stringify(name.slice(0, 40))} is not allowed; give 1 to ${MAX_NAME_LENGTH} characters without halves of surrogate pairs`,
      );
    }
    if (!kind.fits(source))
      throw new TypeError(`createMetrics: ${option}: ${JSON.stringify(name.slice(0, 40))}: ${kindOf(source)} is not allowed; give ${right}`);
  }
  return all;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}
