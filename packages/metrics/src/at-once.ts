import { watch } from "@upwire/core/adapter";

/**
 * What a function of a source returned.
 * @throws TypeError for a promise, whose rejection then goes nowhere: a source is read at once.
 */
export function atOnce<Value>(name: string, returned: Value): Value {
  if (watch(returned, () => {})) throw new TypeError(`${name}: a promise is no answer here; the source should give the value at once`);
  return returned;
}
