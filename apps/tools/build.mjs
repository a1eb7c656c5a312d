// Compiles every package and app to its dist/, and bundles the client for pages, and the scripts of the pages of both demos.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundlePage } from "@upwire-apps/chat/bundle";
import { bundlePage as bundleClusterPage } from "@upwire-apps/cluster/bundle";
import { root, run } from "./run.mjs";

const project = "apps/tools/tsconfig.build.json";
const stamp = join(root, "node_modules/.upwire-tsconfigs");

// TypeScript 7.0.2 keeps stale errors after a tsconfig changed; only --force clears them.
const settings = hashOfSettings();
const changed = !existsSync(stamp) || readFileSync(stamp, "utf8") !== settings;

const status = run("tsc", ["-b", project, ...(changed ? ["--force"] : [])]);
if (status !== 0) process.exit(status);
writeFileSync(stamp, settings);
await Promise.all([bundlePage(), bundleClusterPage()]);
process.exit(run("node", ["packages/client/bundle.mjs"]));

function hashOfSettings() {
  const hash = createHash("sha256");
  for (const file of ["tsconfig.base.json", project, ...["packages", "apps"].flatMap(projectsIn)]) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  return hash.digest("hex");
}

function projectsIn(group) {
  return readdirSync(join(root, group))
    .map((name) => `${group}/${name}/tsconfig.json`)
    .filter((file) => existsSync(join(root, file)));
}
