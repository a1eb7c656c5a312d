import { fileURLToPath } from "node:url";
import { configDefaults, defineConfig } from "vitest/config";
import { filesThatShare } from "./test-groups.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

// Tests run the sources, unbuilt. `ssr` is the entry that counts for Node; a project inherits neither.
const conditions = ["@upwire/source"];
const fromSource = { root, resolve: { conditions }, ssr: { resolve: { conditions } } };

/** Without the project `together`, each file of `unit` has a process of its own. */
const shared = process.argv.includes("together") ? filesThatShare(root) : [];
const unit = {
  testTimeout: 10_000,
  // For two cores: a third of the time of many files is waiting for timers and sockets.
  maxWorkers: 4,
  // Every server of a test listens on loopback alone.
  execArgv: ["--disable-warning=UPWIRE_ALLOWED_HOSTS"],
};

export default defineConfig({
  ...fromSource,
  test: {
    reporters: ["default", "./apps/tools/summary-reporter.mjs"],
    coverage: {
      provider: "v8",
      include: ["packages/*/src/**"],
      reporter: ["text"],
      reportsDirectory: "node_modules/.coverage",
      thresholds: { "packages/core/src/**": { lines: 95, branches: 90 } },
    },
    projects: [
      {
        ...fromSource,
        test: {
          ...unit,
          name: "together",
          include: shared,
          // To start a process and load all modules anew takes a second of CPU time for each file.
          isolate: false,
          setupFiles: ["./apps/tools/fresh-process.mjs"],
        },
      },
      {
        ...fromSource,
        test: {
          ...unit,
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts"],
          exclude: [...configDefaults.exclude, ...shared],
          sequence: { groupOrder: 1 },
        },
      },
      {
        ...fromSource,
        test: {
          // What starts many servers, or waits long: with `npm run brokers`.
          name: "slow",
          include: ["packages/*/test/**/*.slow.ts"],
          testTimeout: 30_000,
          maxWorkers: 2,
        },
      },
      {
        ...fromSource,
        test: {
          name: "e2e",
          include: ["apps/*/test/**/*.e2e.ts"],
          testTimeout: 30_000,
          hookTimeout: 30_000,
          // Each file has browsers and servers of its own, and half of its time is waiting for them. After the unit tests.
          maxWorkers: 3,
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});
