import { atOnce, watch } from "../base/guard.ts";

/** Nested more deeply, a value is looked at while it is written. */
const SHALLOW = 32;

/**
 * The JSON of a value; `undefined` for what has none. An async `toJSON`, or a promise anywhere in the value, would be written as `{}`,
 * and its rejection would end the process.
 * @throws TypeError for a promise in it, and for what JSON cannot hold. @throws what a `toJSON` or a getter throws.
 */
export function jsonText(value: unknown): string | undefined {
  // A look at each value while it is written takes three times as long, so it is for values that can hold a promise.
  return isData(value, 0) ? JSON.stringify(value) : JSON.stringify(value, atOnceAll);
}

function atOnceAll(_name: string, value: unknown): unknown {
  return atOnce("toJSON", value);
}

/** Whether no code runs and no promise is met when it is written. */
function isData(value: unknown, depth: number): boolean {
  if (typeof value === "function" || typeof value === "bigint") return false;
  if (typeof value !== "object" || value === null) return true;
  const { toJSON, then } = value as { readonly toJSON?: unknown; readonly then?: unknown };
  if (typeof toJSON === "function" || depth === SHALLOW) return false;
  // A getter gives another promise when it is written.
  if (typeof then === "function") return !watch(value, () => {});
  if (Array.isArray(value)) {
    for (const item of value) if (!isData(item, depth + 1)) return false;
    return true;
  }
  for (const name in value) if (!isData((value as Record<string, unknown>)[name], depth + 1)) return false;
  return true;
}
