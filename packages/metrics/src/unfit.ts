import { watch } from "@upwire/core/adapter";
import { kindOf } from "./kind-of.ts";

const ignore = (): void => {};

/**
 * What is wrong with `value` of a source. Where a stand-in has an async function it is a promise, which no other code looks
 * at: its rejection would end the process.
 */
export function unfit(name: string, value: unknown, what: string, right: string): TypeError {
  watch(value, ignore);
  return new TypeError(`${name}: ${typeof value === "number" ? value : kindOf(value)} is no ${what}; the source should give ${right}`);
}
