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
  console.error("The benchmark reads CPU and memory of the servers from /proc, so it needs Linux.");
  process.exit(2);
}
process.exit((await bench(options)) ? 0 : 1);
