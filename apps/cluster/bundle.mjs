// Makes one script of the modules of the page: dist/cluster-page.js, which the servers write into it.
import { build } from "esbuild";
import { fileURLToPath } from "node:url";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

/** The script of the page, minified, from sources. @throws BuildFailure, whose message says where. */
export async function bundlePage() {
  await build({
    entryPoints: [here("page/main.ts")],
    outfile: here("dist/cluster-page.js"),
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    // As the tests do: nothing has to be compiled before.
    conditions: ["@upwire/source"],
    legalComments: "none",
    logLevel: "silent",
  });
}
