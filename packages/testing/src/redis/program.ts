import { execFileSync } from "node:child_process";

/**
 * Why tests that need a Redis server cannot run here: for `it.skipIf` and its title. `undefined` when they can.
 *
 * Where `CI` is set nothing may be skipped, so there it throws instead.
 * @throws Error in CI, naming the package to install.
 */
export function redisMissing(): string | undefined {
  try {
    execFileSync("redis-server", ["--version"], { stdio: "ignore" });
    execFileSync("redis-cli", ["--version"], { stdio: "ignore" });
    return undefined;
  } catch {
    const reason = "redis-server is not installed: apt-get install redis-server (it starts a service; these tests need only the program)";
    if (process.env["CI"] !== undefined) throw new Error(reason);
    return reason;
  }
}
