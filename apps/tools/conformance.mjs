// Plays the conformance tables of @upwire/testing: on the server of a URL, or without one on every demo.
import { runConformance, runHandshakes } from "@upwire/testing";
import { launchDemo } from "./demo-process.mjs";
import { demoNames } from "./demos.mjs";
import { run } from "./run.mjs";

const tables = {
  frames: (url) => runConformance(url),
  compressed: (url) => runConformance(url, { deflate: "always" }),
  handshakes: (url) => runHandshakes(url),
};
const print = (cells) =>
  console.log(
    cells
      .map((cell, column) => String(cell).padEnd(column ? 12 : 20))
      .join("")
      .trimEnd(),
  );

/** Returns the lines that say what failed. */
async function judge(name) {
  const demo = await launchDemo(name, { quiet: true });
  try {
    const reports = [];
    for (const [table, play] of Object.entries(tables)) reports.push({ table, ...(await play(demo.url)) });
    const uncaught = await demo.faults();
    print([name, ...reports.map(({ passed, total }) => `${passed}/${total}`), uncaught.length]);
    const failed = ["must", "strict"].flatMap((level) =>
      reports.map(({ table, failing }) => ({ level, table, ids: failing.filter((row) => row.level === level).map(({ id }) => id) })),
    );
    const lines = failed.filter(({ ids }) => ids.length > 0).map(({ level, table, ids }) => `${level}  ${name}, ${table}: ${ids.join(" ")}`);
    return [...lines, ...uncaught.map((error) => `must  ${name}, uncaught: ${error}`)];
  } finally {
    demo.close();
  }
}

async function judgeAll() {
  print(["variant", ...Object.keys(tables), "uncaught"]);
  const lines = [];
  for (const name of demoNames) lines.push(...(await judge(name)));
  console.log(["", ...lines].join("\n"));
  return lines.some((line) => line.startsWith("must")) ? 1 : 0;
}

const args = process.argv.slice(2);
process.exitCode = args.length > 0 ? run("node", ["packages/testing/dist/conformance/cli.js", ...args]) : await judgeAll();
