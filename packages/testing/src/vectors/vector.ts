import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/** One step of a vector; `vectors/README.md` of `@upwire/protocol` says what each does. */
export type VectorStep = Readonly<Record<string, unknown>>;

/** A script of one connection of `upwire.v1`, which a server or a client is held to. */
export interface Vector {
  readonly name: string;
  /** Who can be tested by it. */
  readonly for: readonly ("server" | "client")[];
  /** What not every implementation has, such as `binary`. */
  readonly needs?: readonly string[];
  /** Takes as long as a deadline of the application. */
  readonly slow?: boolean;
  readonly steps: readonly VectorStep[];
}

/** How one vector ended. */
export interface VectorResult {
  readonly name: string;
  /** Which step failed, what was expected and what came; absent where all is right. */
  readonly fault?: string;
}

/** Which vectors are run, and how long. */
export interface VectorOptions {
  /** Default: all that `@upwire/protocol` ships. */
  readonly vectors?: readonly Vector[];
  /** What the implementation does not have, such as `binary`. Default: it has everything. */
  readonly without?: readonly string[];
  /** Leaves out the states that wait for a deadline. Default: `false`. */
  readonly fastOnly?: boolean;
  /** How long one step may take. Milliseconds, default 5000. */
  readonly stepTimeoutMs?: number;
}

/** All vectors that the installed `@upwire/protocol` ships. */
export function readVectors(): Vector[] {
  const folder = join(dirname(createRequire(import.meta.url).resolve("@upwire/protocol/package.json")), "vectors");
  const files = readdirSync(folder).filter((name) => name.endsWith(".json"));
  return files.toSorted().flatMap((name) => JSON.parse(readFileSync(join(folder, name), "utf8")) as Vector[]);
}

/** Those of them that `side` is to be held to. */
export function chosenVectors(side: "server" | "client", { vectors = readVectors(), without = [], fastOnly = false }: VectorOptions): Vector[] {
  return vectors.filter(
    ({ for: sides, needs = [], slow = false }) => sides.includes(side) && !(fastOnly && slow) && !needs.some((need) => without.includes(need)),
  );
}

/** The steps, with those in `times` written out. */
export function stepsOf({ steps }: Pick<Vector, "steps">): VectorStep[] {
  return steps.flatMap((step) => {
    if (typeof step["times"] !== "number") return [step];
    return Array.from({ length: step["times"] }, () => stepsOf({ steps: step["steps"] as VectorStep[] })).flat();
  });
}

type Repeated = string | { readonly repeat: readonly (readonly [string, number])[] };

/** Text of a step: as it is, or parts that are repeated. */
export function textOf(given: unknown): string {
  const value = given as Repeated;
  return typeof value === "string" ? value : value.repeat.map(([part, times]) => part.repeat(times)).join("");
}

/** Bytes of a step: base64, or parts in base64 that are repeated. */
export function bytesOf(given: unknown): Uint8Array {
  const value = given as Repeated;
  if (typeof value === "string") return Buffer.from(value, "base64");
  const parts = value.repeat.map(([part, times]) => ({ bytes: Buffer.from(part, "base64"), times }));
  return Buffer.concat(parts.map(({ bytes, times }) => Buffer.alloc(bytes.length * times, bytes)));
}
