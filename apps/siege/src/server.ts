// The process that is attacked: one variant, one route. Started by server-process.ts.
import type { AddressInfo } from "node:net";
import { setImmediate as nextTurn, setTimeout as delay } from "node:timers/promises";
import { createHub, defaults } from "@upwire/core";
import { controls, type RunningControl } from "./controls.ts";
import { authorize, siegeHandler, streamHandler } from "./handler.ts";
import { nowMicroseconds, STAMP_DIGITS, type BroadcastPlan, type ServerApi, type ServerOptions } from "./server-api.ts";
import { variants, type RunningVariant } from "./variants.ts";
import { PeakWatch, QueueWatch } from "./watch.ts";

const [name = "", json = "{}"] = process.argv.slice(2);
const { taking, ...options } = JSON.parse(json) as ServerOptions;

const faults: string[] = [];
const note = (error: unknown): void => void faults.push(error instanceof Error ? String(error.stack) : String(error));
process.on("uncaughtException", note);
process.on("unhandledRejection", note);
process.on("disconnect", () => process.exit());

const hub = createHub();
const endings: Record<string, number> = {};
const peaks = new PeakWatch();
let queues: QueueWatch | undefined;
let reported = 0;
/** Of `--expose-gc`. */
const collect = (globalThis as { gc?: () => void }).gc ?? (() => {});

const attacked = await start();
const api: ServerApi = {
  async stats(withGc) {
    if (withGc) await settle();
    const { rss, heapUsed, external } = process.memoryUsage();
    const sockets = await new Promise<number>((resolve) => attacked.server.getConnections((_error, count) => resolve(count)));
    const hubCounts = { members: hub.size, rooms: hub.rooms().length };
    return { rss, heap: heapUsed + external, connections: attacked.connections(), ...hubCounts, sockets, faults, reported, endings };
  },
  async watch() {
    peaks.reset();
  },
  async watchTurns() {
    peaks.watchTurns();
  },
  async peaks() {
    return peaks.read();
  },
  async watchQueues() {
    queues ??= new QueueWatch(hub, { ...defaults.connection, ...options });
  },
  async overdue() {
    return queues?.overdue ?? [];
  },
  broadcast: keepTime,
  closeAll: () => hub.close(),
};

process.on("message", ({ id, call, args }: { id: number; call: keyof ServerApi; args: readonly never[] }) => {
  const run = api[call] as (...values: readonly never[]) => Promise<unknown>;
  void run(...args).then((result) => process.send?.({ id, result }));
});
process.send?.({ port: (attacked.server.address() as AddressInfo).port });

/** Our variants as the controls are: the same calls for both. */
async function start(): Promise<RunningControl> {
  const control = await controls[name]?.();
  if (control !== undefined) return control;
  const running = await startVariant();
  return {
    server: running.server,
    connections: () => running.attachment.count,
    broadcast: (text) => void hub.broadcast(text),
  };
}

function startVariant(): Promise<RunningVariant> {
  const build = variants[name];
  if (build === undefined) throw new Error(`there is no variant ${name}`);
  return build({
    handler:
      taking === "streams"
        ? streamHandler
        : siegeHandler(hub, {
            slow: (connection) => queues?.noteFound(connection),
            ended: (why) => void (endings[why] = (endings[why] ?? 0) + 1),
          }),
    options: { ...options, authorize, onError: () => void reported++ },
  });
}

/** Sends at planned times: what is late is sent in the next turn and stays late in its stamp. */
async function keepTime({ perSecond, seconds, bytes }: BroadcastPlan): Promise<void> {
  const filler = "x".repeat(bytes - STAMP_DIGITS);
  const first = nowMicroseconds() + 10_000;
  for (let sent = 0; sent < perSecond * seconds; sent++) {
    const planned = first + Math.round((sent * 1e6) / perSecond);
    const early = planned - nowMicroseconds();
    await (early > 0 ? delay(Math.ceil(early / 1000)) : nextTurn());
    attacked.broadcast(String(planned).padStart(STAMP_DIGITS, "0") + filler);
  }
}

/** Lets go of all that nobody needs any more. What ended in this turn is let go in the next. */
async function settle(): Promise<void> {
  for (let round = 0; round < 3; round++) {
    collect();
    await delay(20);
  }
}
