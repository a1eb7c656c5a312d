import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

const root = fileURLToPath(new URL("../..", import.meta.url));

// Tests run the sources, unbuilt. `ssr` is the entry that counts for Node; a project inherits neither.
const conditions = ["@upwire/source"];
const fromSource = { root, resolve: { conditions }, ssr: { resolve: { conditions } } };

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
          name: "unit",
          include: ["packages/*/test/**/*.test.ts", "apps/*/test/**/*.test.ts"],
          testTimeout: 10_000,
          // For two cores: a fifth of the time of many files is waiting for timers and sockets.
          maxWorkers: 3,
          // Every server of a test listens on loopback alone.
          execArgv: ["--disable-warning=UPWIRE_ALLOWED_HOSTS"],
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
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
});
