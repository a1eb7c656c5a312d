// Nodes are killed, frozen and replaced; on Redis and on the mesh.
import { setTimeout as delay } from "node:timers/promises";
import { BEGUN_ANEW, TOLD, UNHARMED, type Scenario } from "../scenario.ts";
import type { Random } from "../random.ts";
import type { Stage, StageNode } from "../stage.ts";
import { timesOf } from "../times.ts";
import { onMesh, onRedis } from "./engines.ts";

const FREEZE_MS = 5000;

/** Clients of a dead node are back elsewhere by then, or `untilSubscribed` says so. */
async function killOne(stage: Stage, node: StageNode, random: Random): Promise<void> {
  await delay(random.between(300, 1200));
  await stage.killNode(node);
  await delay(random.between(100, 1000));
  await stage.startNode(node.engine);
  await stage.untilSubscribed();
  stage.heal();
}

async function replaceAll(stage: Stage, random: Random): Promise<void> {
  await delay(random.between(300, 800));
  // As they are now: the list changes below.
  for (const node of stage.nodes.slice()) {
    await stage.startNode(node.engine);
    await stage.drainNode(node, { spreadMs: random.between(0, 300), retryAfterMs: random.between(50, 300) });
    await stage.untilSubscribed();
    await delay(random.between(0, 300));
  }
  stage.heal();
}

async function freezeOne(stage: Stage, node: StageNode, forMs: number): Promise<void> {
  await delay(500);
  node.child.freeze();
  await delay(forMs);
  node.child.thaw();
  stage.heal();
}

/** The one that started first. */
function homeOf({ nodes }: Stage): StageNode {
  const [home] = nodes;
  if (home === undefined) throw new Error("there is no node");
  return home;
}

/** One of the nodes but the home, which keeps the history. */
function notHome(stage: Stage, random: Random): StageNode {
  return random.pick(stage.nodes.slice(1));
}

/** Who listened through that node was away: topics without history say so. */
const LIVE_AWAY = TOLD;

export const nodeScenarios: readonly Scenario[] = [
  {
    name: "redis-node-killed",
    about: "kill -9 of a node; its clients resume on others",
    redis: { appendonly: "always" },
    engines: onRedis,
    bounds: { log: UNHARMED, live: LIVE_AWAY },
    play: ({ stage, random }) => killOne(stage, random.pick(stage.nodes), random),
  },
  {
    name: "redis-rolling",
    about: "every node is replaced: a new one started, an old one drained with 1012",
    redis: { appendonly: "always" },
    engines: onRedis,
    bounds: { log: UNHARMED, live: LIVE_AWAY },
    play: ({ stage, random }) => replaceAll(stage, random),
  },
  {
    name: "redis-slow-node",
    about: `one node stands still for ${FREEZE_MS} ms, and Redis cuts it off: its output buffer holds little`,
    redis: { appendonly: "always", args: ["--client-output-buffer-limit", "pubsub 256kb 64kb 1"] },
    engines: onRedis,
    bounds: { log: UNHARMED, live: TOLD },
    async play({ stage, random }) {
      const from = stage.hurt();
      await freezeOne(stage, random.pick(stage.nodes), FREEZE_MS);
      return timesOf(stage, { from, to: stage.healedAt });
    },
  },
  {
    name: "mesh-home-drained",
    about: "the node that keeps the history of the mesh is replaced, and hands it over",
    engines: onMesh,
    bounds: { log: UNHARMED, live: LIVE_AWAY },
    async play({ stage, random }) {
      await delay(random.between(300, 1200));
      const home = homeOf(stage);
      await stage.drainNode(home, { spreadMs: random.between(0, 200), retryAfterMs: random.between(50, 300) });
      await stage.startNode(home.engine);
      await stage.untilSubscribed();
      stage.heal();
    },
  },
  {
    name: "mesh-home-killed",
    about: "kill -9 of the node that keeps the history of the mesh: its topics begin anew, and every client is told",
    engines: onMesh,
    bounds: { log: BEGUN_ANEW, live: LIVE_AWAY },
    async play({ stage, random }) {
      await killOne(stage, homeOf(stage), random);
    },
  },
  {
    name: "mesh-node-killed",
    about: "kill -9 of another node of the mesh; its clients resume on others",
    engines: onMesh,
    bounds: { log: UNHARMED, live: LIVE_AWAY },
    play: ({ stage, random }) => killOne(stage, notHome(stage, random), random),
  },
  {
    name: "mesh-rolling",
    about: "every process of the mesh is replaced, the one with the history first",
    engines: onMesh,
    bounds: { log: UNHARMED, live: LIVE_AWAY },
    play: ({ stage, random }) => replaceAll(stage, random),
  },
  {
    name: "mesh-slow-node",
    about: `one node of the mesh stands still for ${FREEZE_MS} ms`,
    engines: onMesh,
    bounds: { log: UNHARMED, live: TOLD },
    play: ({ stage, random }) => freezeOne(stage, notHome(stage, random), FREEZE_MS),
  },
  {
    name: "mesh-slow-home",
    about: "the node that keeps the history of the mesh stands still for 1.5 to 6.5 s: the others may choose another one meanwhile",
    engines: onMesh,
    bounds: { log: BEGUN_ANEW, live: TOLD },
    play: ({ stage, random }) => freezeOne(stage, homeOf(stage), random.between(1500, 6500)),
  },
];
