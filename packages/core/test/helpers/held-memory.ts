import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

/** What is held after one collection. Bytes. */
export async function collected(): Promise<number> {
  await setImmediate();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

/** What is held once three collections have taken all that they can. Bytes. */
export async function held(): Promise<number> {
  await collected();
  await collected();
  return collected();
}
