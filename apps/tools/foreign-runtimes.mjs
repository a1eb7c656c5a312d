// The adapters on runtimes that are not Node: the native demos run there, in processes of their own, and clients in this
// process judge them by the conformance table, once more with compression, and by the handshake table. The built client plays
// in each of them too.
import { execFileSync } from "node:child_process";
import { runConformance, runHandshakes } from "@upwire/testing";
import { judgeClient } from "./client-runtimes.mjs";
import { launchDemo } from "./demo-process.mjs";

const NATIVE = ["node", "express", "fastify", "hono", "koa"];

/**
 * npm packages that are the runtime itself, and what it cannot do: rows that are not counted there, each with its reason.
 * On Deno they fail now and then, so that a pass is no contradiction.
 */
const runtimes = [
  {
    name: "bun",
    version: "1.4.5",
    flags: [],
    find: ["-e", "console.log(process.execPath)"],
    cannot: {
      "9110-7.6.1-connection-connection-close-and-upgrade": "its http ends the connection of a request with Connection: close, the one of a 101 too",
    },
  },
  {
    name: "deno",
    version: "2.9.6",
    flags: ["run", "-A"],
    find: ["eval", "console.log(Deno.execPath())"],
    cannot: {
      "6455-4.1-early-long": "bytes in the packets of the handshake do not always reach the upgrade listener or the socket",
      "9112-9.3-after-early": "bytes in the packets of the handshake do not always reach the upgrade listener or the socket",
    },
  },
];

/** Where these runtimes are. Fetches them first. */
export function foreignRuntimes() {
  return runtimes.map(({ name, version, find, flags }) => ({ name: `${name} ${version}`, program: programOf(name, version, find), flags }));
}

function programOf(name, version, find) {
  return execFileSync("npx", ["--yes", "-p", `${name}@${version}`, name, ...find], { encoding: "utf8" }).trim();
}

/** Prints a line for each runtime and demo. Returns whether all did what they can. */
export async function judgeForeignRuntimes() {
  let allPassed = true;
  for (const runtime of runtimes) {
    const { name, version, find, flags } = runtime;
    const program = programOf(name, version, find);
    for (const demo of NATIVE) {
      const failures = await judge(runtime, demo, { program, flags });
      if (failures.length > 0) allPassed = false;
      for (const failure of failures) console.error(`  ${failure}`);
    }
    if (!(await judgeClient(`${name} ${version}`, { program, flags }))) allPassed = false;
    for (const [row, reason] of Object.entries(runtime.cannot)) console.log(`  ${name} cannot: ${row}, since ${reason}`);
  }
  return allPassed;
}

async function judge({ name, version, cannot }, demoName, runtime) {
  const demo = await launchDemo(demoName, { quiet: true, runtime });
  try {
    const tables = [await runConformance(demo.url), await runConformance(demo.url, { deflate: "always" }), await runHandshakes(demo.url)];
    const failing = tables.flatMap((table) => table.failing).filter(({ level }) => level === "must");
    const uncaught = await demo.faults();
    const counts = tables.map(({ passed, total }) => `${passed}/${total}`);
    console.log(`${`${name} ${version}`.padEnd(14)}${demoName.padEnd(10)}${counts.join("  ")}  ${uncaught.length} uncaught`);
    return [...failing.filter(({ id }) => !(id in cannot)).map(({ id, why }) => `${id}: ${why.join(", ")}`), ...new Set(uncaught)];
  } finally {
    demo.kill();
  }
}
