// `npm run reconnect-storm`: 10,000 clients lose their server in one moment, for each length of outage and 20 seeds.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { pageSettings } from "./bundle.mjs";

const folder = mkdtempSync(join(tmpdir(), "upwire-storm-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
const outfile = join(folder, "storm.mjs");
await build({ ...pageSettings, minify: false, entryPoints: ["test/storm/main.ts"], outfile });
await import(pathToFileURL(outfile));
