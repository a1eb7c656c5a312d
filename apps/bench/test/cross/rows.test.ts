import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { redisMissing, startRedis, type RedisServer } from "@upwire/testing/redis";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { crossRows } from "../../src/cross/rows/index.ts";
import { TOPIC, type CrossNode, type CrossSetup } from "../../src/cross/row.ts";
import { Tally } from "../../src/cross/tally.ts";
import { nowUs, textOf } from "../../src/cross/text.ts";

const MESSAGES = 300;
const missing = redisMissing();
/** Both nodes in this process: of node:cluster there is a primary to be, and clients live in a process of their own. */
const names = Object.keys(crossRows).filter((name) => crossRows[name]?.through !== "ipc" && crossRows[name]?.clients === undefined);
const folder = mkdtempSync(join(tmpdir(), "upwire-cross-test-"));
let redis: RedisServer | undefined;
const nodes: (CrossNode | undefined)[] = [];

beforeAll(async () => {
  if (missing === undefined) redis = await startRedis();
});
afterAll(async () => {
  await Promise.all(nodes.map((node) => node?.stop?.()));
  await redis?.close();
  rmSync(folder, { recursive: true, force: true });
});

describe("every row brings everything from one node to the other, in order", () => {
  for (const name of names) {
    const row = crossRows[name];
    const reason = row?.through === "redis" ? missing : undefined;
    it.skipIf(reason !== undefined)(`${name}${reason === undefined ? "" : `: ${reason}`}`, async () => {
      await redis?.cli("FLUSHALL");
      const setup: Omit<CrossSetup, "role"> = { url: redis?.url ?? "", folder: mkdtempSync(join(folder, "row-")), topic: TOPIC };
      const tally = new Tally(MESSAGES, () => {});
      nodes.push(await row?.start({ ...setup, role: "subscriber" }, tally.take));
      const publisher = await row?.start({ ...setup, role: "publisher" }, () => {});
      nodes.push(publisher);
      // A subscription may still be on its way to the other node: what comes before it reaches no member.
      await vi.waitFor(() => {
        void publisher?.publish(textOf(1, nowUs()));
        expect(tally.count.received).toBeGreaterThan(0);
      });
      for (let number = 2; number <= MESSAGES; number++) {
        void publisher?.publish(textOf(number, nowUs()));
        if (number % 100 === 0) await new Promise(setImmediate);
      }
      await vi.waitFor(() => expect(tally.last).toBe(MESSAGES), 5000);
      expect(tally.count.lost).toBe(0);
    });
  }
});
