// What Redis says or carries is not what a node expects.
import { setTimeout as delay } from "node:timers/promises";
import { TOLD, UNHARMED, type Scenario } from "../scenario.ts";
import { eventually, type Stage } from "../stage.ts";
import { timesOf } from "../times.ts";
import { withAdmin } from "./admin.ts";
import { onRedis } from "./engines.ts";

const PASSWORD_MS = 2000;
const WRONG = "wr0ng-s3cret";

const wrongPassword: Scenario = {
  name: "redis-password",
  about: "Redis wants a password from one moment to the next and cuts everybody off; a node with a wrong one does not start",
  redis: { appendonly: "always" },
  engines: onRedis,
  bounds: { log: UNHARMED, live: TOLD },
  times: { upMs: 1000 },
  async play({ stage, random, redis }) {
    const faults: string[] = [];
    await delay(random.between(300, 800));
    const from = stage.hurt();
    await withAdmin(redis, async (admin) => {
      await admin.config("SET", "requirepass", "secret");
      await admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes");
      await admin.call("CLIENT", "KILL", "TYPE", "pubsub");
      faults.push(...(await startWithWrongPassword(stage, redis.port)));
      await delay(PASSWORD_MS);
      await admin.config("SET", "requirepass", "");
    });
    stage.heal();
    const times = await timesOf(stage, { from, to: stage.healedAt });
    return { ...times, faults: [...faults, ...times.faults] };
  },
};

/** @returns what is wrong with how the node says it. */
async function startWithWrongPassword(stage: Stage, port: number): Promise<string[]> {
  const node = await stage.startNode({ kind: "redis", url: `redis://:${WRONG}@127.0.0.1:${port}`, client: "url" });
  const linesOf = (): string[] => stage.reported.filter((line) => line.startsWith(node.name));
  const isTold = await eventually(() => linesOf().length > 0, 3000);
  await stage.killNode(node);
  if (!isTold) return ["a node with a wrong password reports nothing"];
  const [line = ""] = linesOf();
  return [
    ...(/password/i.test(line) ? [] : [`a node with a wrong password reports ${line}`]),
    ...(line.includes(WRONG) ? ["a node with a wrong password shows it"] : []),
  ];
}

const foreign: Scenario = {
  name: "redis-foreign",
  about: "others publish bytes that are not ours on every channel that we listen to",
  redis: { appendonly: "always" },
  engines: onRedis,
  bounds: { log: UNHARMED, live: UNHARMED },
  async play({ stage, random, redis }) {
    await delay(random.between(200, 600));
    let sent = 0;
    await withAdmin(redis, async (admin) => {
      const channels = (await admin.call("PUBSUB", "CHANNELS", "*")) as string[];
      for (let turn = 0; turn < 20; turn++) {
        for (const channel of channels) {
          const junk = random.pick([
            Buffer.alloc(0),
            Buffer.from("hello"),
            Buffer.from('{"type":"said"}'),
            random.bytes(random.between(1, 300)),
            Buffer.alloc(70_000, 1),
          ]);
          // A version that is to come: whatever the first bytes mean, they are high.
          const bytes = random.share() < 0.3 ? Buffer.concat([Buffer.from([random.between(2, 255)]), junk]) : junk;
          sent += await admin.publish(channel, bytes);
        }
        await delay(random.between(1, 20));
      }
    });
    stage.heal();
    await delay(200);
    const stats = await Promise.all(stage.nodes.map(({ child }) => child.call("stats")));
    const counted = stats.reduce((sum, { foreign: one = 0 }) => sum + one, 0);
    // Junk may by chance be a heartbeat or the like: nearly all must be counted.
    return { faults: sent > 0 && counted >= sent * 0.9 ? [] : [`${counted} of ${sent} foreign messages were counted`] };
  },
};

export const inputScenarios: readonly Scenario[] = [wrongPassword, foreign];
