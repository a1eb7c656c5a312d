import { execFile } from "node:child_process";
import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { describe, expect, it } from "vitest";

const folder = fileURLToPath(new URL("runners/", import.meta.url));
const jest = createRequire(import.meta.url).resolve("jest/bin/jest");
const jestConfig = JSON.stringify({ rootDir: folder, testMatch: ["**/by-jest.mjs"], transform: {}, moduleFileExtensions: ["mjs", "js", "json"] });

/** What it printed, on both outputs. Rejects with that when a test failed, or when it did not end. */
async function run(args: readonly string[]): Promise<string> {
  const { NODE_OPTIONS: _, VITEST: __, NODE_ENV: ___, ...env } = process.env;
  const { stdout, stderr } = await promisify(execFile)(process.execPath, args, { cwd: folder, env, timeout: 25_000 });
  return stdout + stderr;
}

// Vitest itself is where the tests of connectTo run.
describe("connectTo tests a route of every framework", () => {
  it("under node:test", async () => {
    expect(await run(["--test", "--test-reporter=tap", "by-node.mjs"])).toMatch(/^# pass 6\n# fail 0$/m);
  });

  it("under Jest, by its modules", async () => {
    const printed = await run(["--experimental-vm-modules", jest, "--config", jestConfig]);
    expect(printed).toContain("6 passed, 6 total");
    // Neither a server nor a client outlasts the tests.
    expect(printed).not.toContain("did not exit");
    // That the server listens on loopback is the doing of connectTo, and no fault of the application.
    expect(printed).not.toContain("UPWIRE_ALLOWED_HOSTS");
  });
});
