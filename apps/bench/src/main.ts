import { readArguments, usage, type Arguments } from "./arguments.ts";
import { bench } from "./bench.ts";

let options: Arguments;
try {
  options = readArguments(process.argv.slice(2));
} catch (error) {
  console.error(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
  process.exit(2);
}
if (process.platform !== "linux") {
  console.error("The benchmark is left out: it reads CPU and memory of the servers from /proc, so it needs Linux.");
  // With `--check` it is a part of `npm test`, which other systems run too.
  process.exit(options.check ? 0 : 2);
}
process.exit((await bench(options)) ? 0 : 1);
