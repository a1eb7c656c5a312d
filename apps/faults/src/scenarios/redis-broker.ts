// The Redis server is killed, frozen, cut off, or loses what it kept.
import { setTimeout as delay } from "node:timers/promises";
import { FaultProxy } from "@upwire/testing";
import type { Engine } from "../node/api.ts";
import { BEGUN_ANEW, TOLD, UNHARMED, type Place, type Round, type Scenario } from "../scenario.ts";
import { timesOf } from "../times.ts";
import { onRedis } from "./engines.ts";
import { cutTail } from "./append-only.ts";
import { withAdmin } from "./admin.ts";

const FREEZE_MS = 5000;

/** kill -9, some time without a server, and a new process with what is on disk. */
export async function killAndRestart({ stage, random, redis }: Place, whileDown?: () => void): Promise<Round> {
  await delay(random.between(300, 1200));
  const from = stage.hurt();
  await redis.kill9();
  await delay(random.between(50, 1500));
  whileDown?.();
  await redis.restart();
  stage.heal();
  return timesOf(stage, { from, to: stage.healedAt });
}

const killAlways: Scenario = {
  name: "redis-kill-always",
  about: "kill -9 and restart of Redis, AOF always",
  redis: { appendonly: "always" },
  engines: onRedis,
  bounds: { log: UNHARMED, live: TOLD },
  times: { upMs: 1000 },
  play: (place) => killAndRestart(place),
};

const killEverysec: Scenario = {
  ...killAlways,
  name: "redis-kill-everysec",
  about: "kill -9 and restart of Redis, AOF everysec: its log may be shorter",
  redis: { appendonly: "everysec" },
  bounds: { log: BEGUN_ANEW, live: TOLD },
};

const killNone: Scenario = {
  ...killAlways,
  name: "redis-kill-none",
  about: "kill -9 and restart of Redis without persistence: every client is told",
  redis: { appendonly: "no" },
  bounds: { log: BEGUN_ANEW, live: TOLD },
};

const truncated: Scenario = {
  ...killAlways,
  name: "redis-truncated",
  about: "kill -9, the end of the append-only file cut off, restart: a shorter log",
  bounds: { log: BEGUN_ANEW, live: TOLD },
  play: (place) => killAndRestart(place, () => cutTail(place.redis.folder, place.random.between(200, 20_000))),
};

const frozen: Scenario = {
  name: "redis-frozen",
  about: `Redis stands still for ${FREEZE_MS} ms (SIGSTOP)`,
  redis: { appendonly: "always" },
  engines: onRedis,
  // Local members of topics without history hear on.
  bounds: { log: UNHARMED, live: { ...TOLD, stoppedMs: 1000 } },
  times: { downMs: 5000, upMs: 1000 },
  async play({ stage, random, redis }) {
    await delay(random.between(300, 1200));
    const from = stage.hurt();
    redis.stop();
    await delay(FREEZE_MS);
    redis.cont();
    stage.heal();
    return timesOf(stage, { from, to: stage.healedAt });
  },
};

function cutOff(): Scenario {
  /** In front of the first node's connections. */
  let proxy: FaultProxy | undefined;
  return {
    name: "redis-cut",
    about: "the network between one node and Redis takes nothing for 3 to 6 s",
    redis: { appendonly: "always" },
    async engines(how) {
      proxy = await FaultProxy.listen({ port: Number(new URL(how.url).port) });
      const [, ...others] = await onRedis(how);
      return [
        { kind: "redis", url: `redis://127.0.0.1:${proxy.port}`, client: how.random.pick(["ioredis", "redis", "url"] as const) } satisfies Engine,
        ...others,
      ];
    },
    bounds: { log: UNHARMED, live: TOLD },
    times: { downMs: 5000, upMs: 1000 },
    async play({ stage, random }) {
      await delay(random.between(300, 1200));
      const from = stage.hurt();
      proxy?.set({ toServer: { isCut: true }, toClient: { isCut: true } });
      await delay(random.between(3000, 6000));
      proxy?.set({ toServer: {}, toClient: {} });
      stage.heal();
      return timesOf(stage, { from, to: stage.healedAt });
    },
    clear: async () => proxy?.close(),
  };
}

const evicted: Scenario = {
  name: "redis-evicted",
  about: "Redis evicts keys of any kind while messages flow (allkeys-random, too little memory)",
  redis: { appendonly: "no" },
  engines: onRedis,
  bounds: { log: BEGUN_ANEW, live: UNHARMED },
  async play({ stage, random, redis }) {
    await delay(random.between(300, 1200));
    await withAdmin(redis, async (admin) => {
      await admin.config("SET", "maxmemory-policy", "allkeys-random");
      for (let times = 0; times < 5; times++) {
        await admin.config("SET", "maxmemory", "1mb");
        await delay(random.between(1, 40));
        await admin.config("SET", "maxmemory", "0");
        await delay(random.between(50, 300));
      }
      await admin.config("SET", "maxmemory-policy", "noeviction");
    });
    stage.heal();
  },
};

export const redisBroker: readonly Scenario[] = [killAlways, killEverysec, killNone, truncated, frozen, cutOff(), evicted];
