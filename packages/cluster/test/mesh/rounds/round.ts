import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as after } from "node:timers/promises";
import { Child } from "./child.ts";
import { isClean, judge, type Verdict } from "./judge.ts";
import type { Report } from "./talk.ts";

/** What happens to one node while all publish. The home is the node that started first. */
export const kinds = [
  "drain the home",
  "drain the home and its heir",
  "drain the home and kill its heir",
  "drain the home and stop its heir",
  "drain the home while nodes start",
  "kill the home",
  "kill a node",
  "stop a node",
  "stop the home",
  "pause a node",
  "restart all",
] as const;
export type Kind = (typeof kinds)[number];

export interface RoundOptions {
  readonly kind: Kind;
  /** The bundled `node.ts`. */
  readonly program: string;
  /** Gives numbers from 0 to `limit - 1`. */
  readonly below: (limit: number) => number;
  readonly nodes?: number;
  /** What each node publishes in a second. */
  readonly perSecond?: number;
  /** The publishing goes on until so many were acknowledged, of topics with history. */
  readonly messages?: number;
}

const TOPICS = 4;
/** A process that is stopped so long has been taken for dead. Milliseconds. */
const STOP_MS = 5200;
const SETTLE_MS = 10_000;
const PUBLISH_MS = 60_000;

/** One round: some nodes publish to all topics and follow all of them, something happens to one, and all that was acknowledged is looked for. */
export async function playRound({ kind, program, below, nodes = 4, perSecond = 600, messages = 0 }: RoundOptions): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), "upwire-mesh-round-"));
  const children: Child[] = [];
  const start = async (): Promise<Child> => {
    const child = new Child(program, children.length);
    children.push(child);
    await child.start(folder, TOPICS, perSecond);
    return child;
  };
  try {
    // One after the other: thus the first one is the home.
    while (children.length < nodes) await start();
    const first = [...children];
    for (const child of first) child.order({ do: "publish" });
    await after(150 + below(250));
    await happen(kind, first, start, below);
    await after(150 + below(250));
    const end = performance.now() + PUBLISH_MS;
    while (children.reduce((sum, child) => sum + child.kept.size, 0) < messages && performance.now() < end) await after(50);
    const verdict = await settle(
      children,
      first.filter((child) => !child.hasEnded && !child.wasKilled),
    );
    const failures = children.flatMap((child) => child.failures);
    if (failures.length > 0) throw new Error(failures.join("\n"));
    const alive = children.filter((child) => !child.hasEnded);
    await Promise.all(alive.map((child) => child.close()));
    const left = await readdir(folder);
    if (left.length > 0) throw new Error(`after all have closed the folder still has ${left.join()}`);
    return verdict;
  } finally {
    await Promise.all(children.map((child) => child.end()));
    await rm(folder, { recursive: true, force: true });
  }
}

async function happen(kind: Kind, nodes: readonly Child[], start: () => Promise<Child>, below: (limit: number) => number): Promise<void> {
  const [home, other] = nodes as [Child, Child];
  if (kind === "drain the home") await home.close();
  else if (kind === "drain the home and its heir") await Promise.all([home.close(), after(below(30)).then(() => other.close())]);
  else if (kind === "drain the home and kill its heir") {
    const closed = home.close();
    await after(below(30));
    other.signal("SIGKILL");
    await closed;
  } else if (kind === "drain the home and stop its heir") {
    const closed = home.close();
    await after(below(10));
    other.signal("SIGSTOP");
    await after(500 + below(STOP_MS));
    other.signal("SIGCONT");
    await closed;
  } else if (kind === "drain the home while nodes start") {
    const starting = [start(), start()];
    await after(below(150));
    await home.close();
    for (const child of await Promise.all(starting)) child.order({ do: "publish" });
  } else if (kind === "kill the home") home.signal("SIGKILL");
  else if (kind === "kill a node") other.signal("SIGKILL");
  else if (kind === "restart all") {
    // The last one stays, so that there is one to judge by.
    for (const node of nodes.slice(0, -1)) {
      await node.close();
      (await start()).order({ do: "publish" });
      await after(below(200));
    }
  } else {
    const stopped = kind === "stop the home" ? home : other;
    stopped.signal("SIGSTOP");
    await after(kind === "pause a node" ? 500 + below(1500) : STOP_MS + below(1000));
    stopped.signal("SIGCONT");
    await after(600);
  }
}

/** Ends the publishing, and waits until everything has come. @param judged The nodes that were there all the time. */
async function settle(children: readonly Child[], judged: readonly Child[]): Promise<Verdict> {
  for (const child of children) child.order({ do: "rest" });
  const end = performance.now() + SETTLE_MS;
  for (;;) {
    const reports = new Map<Child, Report>();
    for (const child of judged) {
      const report = await child.report();
      if (report !== undefined) reports.set(child, report);
    }
    const verdict = judge(children, reports);
    if (isClean(verdict) || performance.now() > end) return verdict;
    await after(100);
  }
}
