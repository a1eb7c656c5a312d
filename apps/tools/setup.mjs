// Makes node_modules match pnpm-lock.yaml. Runs before anything is installed, so it uses Node and npm only.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

// Pinned here and not in a `packageManager` field: with that field pnpm 12 records itself in the
// lockfile and then refuses a frozen install, and corepack's current line does not start on Node 20.
const PNPM = "pnpm@12.21.0";
const OLDEST_NODE = [20, 19];

const root = fileURLToPath(new URL("../..", import.meta.url));

const [major, minor] = process.versions.node.split(".").map(Number);
if (major < OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor < OLDEST_NODE[1])) {
  console.error(`Node ${OLDEST_NODE.join(".")} or newer is needed, this is ${process.versions.node}.`);
  process.exit(1);
}

if (!isInstalled()) process.exit(install());

function isInstalled() {
  // pnpm leaves a byte-for-byte copy of the lockfile that it installed.
  const wanted = read("pnpm-lock.yaml");
  return wanted !== undefined && wanted === read("node_modules/.pnpm/lock.yaml");
}

function install() {
  const { status } = spawnSync("npx", ["--yes", PNPM, "install", "--frozen-lockfile"], {
    cwd: root,
    stdio: "inherit",
    shell: process.platform === "win32",
  });
  return status ?? 1;
}

function read(file) {
  try {
    return readFileSync(root + file, "utf8");
  } catch {
    return undefined;
  }
}
