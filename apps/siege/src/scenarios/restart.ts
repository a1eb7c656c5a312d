import { randomUUID } from "node:crypto";
import { rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Child } from "../restart/child.ts";
import type { CrowdApi, CrowdReport, CrowdSettings, RestartServerApi, RestartServerSettings } from "../restart/server-api.ts";
import type { Attack, Scenario, SiegeSettings } from "../scenario.ts";
import { nowMicroseconds } from "../server-api.ts";

const TOPICS = 20;
const RETRY_AFTER_MS = 500;
const POLL_MS = 20;
/** What is not back by then does not come back. */
const PATIENCE_MS = 60_000;

interface Size {
  readonly clients: number;
  readonly drainMs: number;
  /** Between two messages of one topic. */
  readonly everyMs: number;
  /** How long messages go before the server ends, and after all are back. */
  readonly aroundMs: number;
}

function sizeOf({ full }: SiegeSettings): Size {
  return full ? { clients: 2000, everyMs: 500, drainMs: 2000, aroundMs: 2000 } : { clients: 100, everyMs: 100, drainMs: 300, aroundMs: 300 };
}

function about(settings: SiegeSettings, how: string): string {
  const { clients, everyMs } = sizeOf(settings);
  const perSecond = (2 * TOPICS * 1000) / everyMs;
  return `${clients.toLocaleString("en")} clients of @upwire/client in ${2 * TOPICS} topics, ${perSecond} publications a second; ${how}`;
}

/** Shut down gently, ended, and a new process goes on with what it saved. */
export const restart: Scenario = {
  name: "restart",
  about: (settings) => about(settings, "shut down gently, ended, restored from save()"),
  together: () => false,

  async run(attack) {
    const { clients, drainMs } = sizeOf(attack.settings);
    const { rooms, boards, said } = await comeBack(attack, async (stage) => {
      await stage.server.call("leave", { spreadMs: drainMs, retryAfterMs: RETRY_AFTER_MS });
      await stage.server.stop();
    });
    attack.exactly("subscriptions resumed", rooms.resumed + boards.resumed, 2 * clients);
    attack.exactly("subscriptions not resumed", rooms.notResumed + boards.notResumed, 0);
    attack.exactly("gaps told", rooms.gaps + boards.gaps, 0);
    // The keys of publishes crossed over, too.
    attack.exactly("messages of clients doubled", said.doubled, 0);
    attack.tell("messages caught up with", rooms.caughtUp + boards.caughtUp);
  },
};

/** kill -9: what the process knew is gone, and every client is told so. */
export const killed: Scenario = {
  name: "killed",
  about: (settings) => about(settings, "kill -9, a new process"),
  together: () => false,

  async run(attack) {
    const { clients } = sizeOf(attack.settings);
    const { rooms, boards, said } = await comeBack(attack, ({ server }) => server.kill());
    attack.exactly("subscriptions resumed", rooms.resumed + boards.resumed, 0);
    attack.exactly("subscriptions not resumed", rooms.notResumed + boards.notResumed, 2 * clients);
    attack.exactly("gaps told", rooms.gaps + boards.gaps, 2 * clients);
    // Whom the process had told of a publication before it could answer the publisher gets it twice: the key is gone with it.
    attack.tell("messages of clients doubled", said.doubled);
    // Once at the beginning, and once after the return.
    attack.exactly("states told", boards.states, 2 * clients);
  },
};

interface Stage {
  readonly server: Child<RestartServerApi>;
  readonly crowd: Child<CrowdApi>;
}

/** What both ways have in common: all come back, and nothing of what goes on then is lost or doubled. */
async function comeBack(attack: Attack, end: (stage: Stage) => Promise<void>): Promise<CrowdReport> {
  const { clients, everyMs, aroundMs } = sizeOf(attack.settings);
  const keptPath = join(tmpdir(), `siege-restart-${randomUUID()}.json`);
  const settings = { variant: attack.variant, keptPath, clients, topics: TOPICS, everyMs };
  const startServer = (port: number): Promise<Child<RestartServerApi>> =>
    Child.start<RestartServerApi>("server.js", { ...settings, port } satisfies RestartServerSettings);
  let server = await startServer(0);
  const port = await server.call("port");
  const crowd = await Child.start<CrowdApi>("crowd.js", { port, clients, topics: TOPICS, everyMs } satisfies CrowdSettings);
  const allSubscribed = (): Promise<boolean> => eventually(async () => (await crowd.call("subscribed")) === clients);
  try {
    if (!(await allSubscribed())) throw new Error("not all clients could subscribe");
    await Promise.all([server.call("publish"), crowd.call("publish")]);
    await delay(aroundMs);
    await crowd.call("watch");
    await end({ server, crowd });
    const endedAt = nowMicroseconds();
    server = await startServer(port);
    const listensAt = nowMicroseconds();
    await server.call("publish");
    if (!(await allSubscribed())) throw new Error(`only ${await crowd.call("subscribed")} clients were subscribed again`);
    await delay(aroundMs);
    await crowd.call("hush");
    const finals = await server.call("hush");
    await eventually(async () => (await crowd.call("report", finals)).behind === 0);
    const report = await crowd.call("report", finals);
    attack.exactly("clients back", report.open, clients);
    attack.exactly("messages lost untold", report.rooms.lost + report.boards.lost, 0);
    attack.exactly("messages doubled", report.rooms.doubled + report.boards.doubled, 0);
    attack.exactly("clients behind at the end", report.behind, 0);
    attack.exactly("publishes of clients rejected", report.refused, 0);
    attack.exactly("messages of clients lost untold", report.said.lost, 0);
    attack.exactly("errors in clients", report.errors.length, 0, report.errors[0]);
    tellReturn(attack, report.openedAt, { endedAt, listensAt });
    return report;
  } finally {
    await Promise.all([crowd.stop(), server.stop()]);
    rmSync(keptPath, { force: true });
  }
}

function tellReturn(attack: Attack, openedAt: readonly number[], { endedAt, listensAt }: { readonly endedAt: number; readonly listensAt: number }): void {
  const sorted = openedAt.toSorted((one, other) => one - other);
  const nearlyAll = sorted[Math.ceil(sorted.length * 0.99) - 1] ?? Number.NaN;
  attack.tell("no server for", (listensAt - endedAt) / 1000, "ms");
  attack.tell("99 % back after the server was", (nearlyAll - listensAt) / 1000, "ms");
  const busiest = Math.max(...sorted.map((at, index) => index - sorted.findIndex((other) => other > at - 100_000) + 1));
  attack.tell("most returns within 100 ms", busiest);
}

/** @returns whether it came to be within the time there is. */
async function eventually(isSo: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = performance.now() + PATIENCE_MS; performance.now() < deadline;) {
    if (await isSo()) return true;
    await delay(POLL_MS);
  }
  return false;
}
