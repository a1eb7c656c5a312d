import { describe, expect, it } from "vitest";
import { catalogue } from "../src/catalogue.ts";
import { cells } from "../src/cells.ts";
import { serveControl } from "../src/control.ts";
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

const TOPIC: Load = { mode: "topic", deflate: false };
const RESUME: Workload = { kind: "resume", window: 60, missed: 5 };

/** Server and clients in this process: what is judged is order and loss, not speed. */
async function deliver(name: string, load: Load, workload: Workload): Promise<void> {
  const { row } = (await catalogue[name]?.load?.()) ?? {};
  if (row === undefined) throw new Error(`${name} has no server in Node`);
  const figures = await measure({
    port: await row.start(load),
    controlPort: await serveControl(row),
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
  for (const [name, { load, onlyOpens = false, ofTopics = false }] of Object.entries(catalogue)) {
    if (load === undefined || onlyOpens || ofTopics) continue;
    it.each(MODES)(`${name}, %s`, (mode, workload) => deliver(name, { mode, deflate: false }, workload));
  }
  it.each(cells["topic64"]?.rows ?? [])("%s, to the members of a topic", (name) => deliver(name, TOPIC, BROADCAST));
  it.each(cells["resume"]?.rows ?? [])("%s, to clients that come back", (name) => deliver(name, { ...TOPIC, history: 60 }, RESUME));
  it.each(COMPRESSED)("%s, compressed", (name) => deliver(name, { mode: "broadcast", deflate: true }, BROADCAST));
});
