import { spawnSync } from "node:child_process";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

export const root = fileURLToPath(new URL("../..", import.meta.url));

// oxlint looks for tsgolint on the PATH, which a plain `node apps/tools/test.mjs` does not set.
const PATH = join(root, "node_modules/.bin") + delimiter + process.env.PATH;

/** Runs a program of the workspace at its root and returns its exit code. */
export function run(program, args) {
  const { status, error } = spawnSync(program, args, {
    cwd: root,
    stdio: "inherit",
    env: { ...process.env, PATH },
    shell: process.platform === "win32",
  });
  if (error) console.error(error.message);
  return status ?? 1;
}
