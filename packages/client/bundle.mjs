// Writes dist/page/: the client, and the socket alone, as one file each, for a page that has no bundler.
// Part of the build; packages/client/test/size.test.ts weighs the same bundles.
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));

/** How a page would bundle it. */
export const pageSettings = {
  absWorkingDir: here,
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  conditions: ["@upwire/source"],
  logLevel: "warning",
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await build({ ...pageSettings, entryPoints: { browser: "src/index.ts", socket: "src/socket.ts" }, outdir: "dist/page" });
}
