import { spawn, spawnSync } from "node:child_process";
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

/** The same with what it writes kept back: for programs that run beside each other. */
export function runQuietly(program, args) {
  return new Promise((resolve) => {
    const child = spawn(program, args, { cwd: root, env: { ...process.env, PATH }, shell: process.platform === "win32" });
    const written = [];
    child.stdout.on("data", (chunk) => written.push(chunk));
    child.stderr.on("data", (chunk) => written.push(chunk));
    child.on("error", (error) => resolve({ status: 1, output: error.message }));
    child.on("close", (status) => resolve({ status: status ?? 1, output: Buffer.concat(written).toString() }));
  });
}
