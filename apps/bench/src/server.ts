// One row in a process of its own: `node server.js ROW LOAD`. Ends with its stdin, so that none outlives the benchmark.
import { catalogue } from "./catalogue.ts";
import { serveControl } from "./control.ts";
import type { Load } from "./rows/row.ts";

const [name = "", load = ""] = process.argv.slice(2);
const entry = catalogue[name];
if (entry?.load === undefined) throw new Error(`there is no row "${name}"`);

process.stdin.on("end", () => process.exit()).resume();
// What is garbage is no memory of a connection: the driver asks before it looks.
process.on("SIGUSR2", () => {
  globalThis.gc?.();
});

const { row } = await entry.load();
const port = await row.start(JSON.parse(load) as Load);
process.stdout.write(`listening on ${port}, control on ${await serveControl(row)}\n`);
