import { mkdtempSync } from "node:fs";
import { rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { meshBroker } from "@upwire/cluster/mesh";
import { describeBroker } from "@upwire/testing";
import { afterAll } from "vitest";

const base = mkdtempSync(join(tmpdir(), "upwire-mesh-"));
afterAll(() => rm(base, { recursive: true, force: true }));

describeBroker("mesh", ({ clock, network }) => meshBroker({ clock, folder: join(base, network) }), {
  tops: "a link that has lost something says so as soon as it is back",
  save: "the node that closes hands its histories to another one",
  cut: "processes of one machine are not cut off from each other; links.test.ts and faults.test.ts stop and cut real ones",
});
