// Clusters whose nodes run in other runtimes: of each runtime two nodes on each broker, and of different ones on one mesh.
import { BROKERS, judgeCluster, withPlace } from "./cluster-judge.mjs";

/** @param runtime `name`, `program`, `flags`. Prints a line for each broker. @returns whether all held */
export async function judgeClusters({ name, ...runtime }) {
  let allHeld = true;
  for (const broker of BROKERS) if (!(await judge(`${name.padEnd(14)}${broker}`, broker, [runtime, runtime]))) allHeld = false;
  return allHeld;
}

/** Each of these runtimes with each other one. Prints a line for each pair. @returns whether all held */
export async function judgeMixedClusters(runtimes) {
  let allHeld = true;
  for (const [at, one] of runtimes.entries()) {
    for (const other of runtimes.slice(at + 1)) {
      if (!(await judge(`${one.name} and ${other.name}, mesh`, "mesh", [one, other]))) allHeld = false;
    }
  }
  return allHeld;
}

async function judge(what, broker, pair) {
  try {
    const seen = await withPlace(broker, (place) => judgeCluster(broker, pair, place));
    console.log(`${what.padEnd(40)}${typeof seen === "string" ? `not tried: ${seen}` : `${seen.length} hold`}`);
    // Where everything is to be tried, nothing may be missing.
    return typeof seen !== "string" || process.env["CI"] === undefined;
  } catch (error) {
    console.error(`x ${what}: ${error.message}`);
    return false;
  }
}
