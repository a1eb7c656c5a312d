import { describe, expect, it } from "vitest";
import { catalogue } from "../src/catalogue.ts";
import type { Workload } from "../src/driver/job.ts";
import { measure } from "../src/driver/measure.ts";
import type { Load } from "../src/rows/row.ts";

const GROUPS = 4;
const BROADCAST: Workload = { kind: "closed", groups: 1, publishersPerGroup: 8, inFlight: 2 };
const MODES: readonly (readonly [Load["mode"], Workload])[] = [
  ["broadcast", BROADCAST],
  ["rooms", { kind: "closed", groups: GROUPS, publishersPerGroup: 2, inFlight: 1 }],
  ["echo", { kind: "closed", groups: 12, publishersPerGroup: 1, inFlight: 8 }],
];
const COMPRESSED = ["upwire", "upwire-shared-history", "upwire-koa", "ws"];

/** Server and clients in this process: what is judged is order and loss, not speed. */
async function deliver(name: string, load: Load, workload: Workload): Promise<void> {
  const { row } = (await catalogue[name]?.load?.()) ?? {};
  const figures = await measure({
    port: (await row?.start(load)) ?? 0,
    pid: process.pid,
    protocol: catalogue[name]?.protocol ?? "websocket",
    deflate: load.deflate,
    ...(load.mode === "rooms" ? { rooms: GROUPS } : {}),
    clients: 12,
    payloadBytes: 200,
    workload,
    warmUpMs: 10,
    windowMs: 20,
  });
  expect(figures).toMatchObject({ lost: 0, disorders: 0, closed: 0 });
  expect(figures.perSecond).toBeGreaterThan(0);
}

describe.runIf(process.platform === "linux")("every row delivers everything in order", () => {
  for (const [name, { load, onlyOpens = false }] of Object.entries(catalogue)) {
    if (load === undefined || onlyOpens) continue;
    it.each(MODES)(`${name}, %s`, (mode, workload) => deliver(name, { mode, deflate: false }, workload));
  }
  it.each(COMPRESSED)("%s, compressed", (name) => deliver(name, { mode: "broadcast", deflate: true }, BROADCAST));
});
