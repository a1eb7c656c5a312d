// Programs of the tests in TypeScript, as one file of JavaScript each that a process of its own, or this one, can load.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

/** Bundles programs of this folder into a temporary one, by name. `remove` deletes it. */
export async function bundlePrograms(programs) {
  const folder = mkdtempSync(join(tmpdir(), "upwire-mesh-"));
  await build({
    entryPoints: Object.fromEntries(Object.entries(programs).map(([name, path]) => [name, fileURLToPath(new URL(path, import.meta.url))])),
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20",
    conditions: ["@upwire/source"],
    logLevel: "warning",
  });
  return { pathOf: (name) => join(folder, `${name}.mjs`), remove: () => rmSync(folder, { recursive: true, force: true }) };
}
