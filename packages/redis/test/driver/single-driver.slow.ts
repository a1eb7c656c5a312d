import { setTimeout as pause } from "node:timers/promises";
import { Redis } from "ioredis";
import { createClient } from "redis";
import { describe, expect, it } from "vitest";
import { Channel } from "@upwire/testing";
import { redisMissing, startRedis } from "@upwire/testing/redis";
import { realClock } from "../../../cluster/src/broker/real-clock.ts";
import { createDriver, type CreateDriverOptions } from "../../src/driver/create-driver.ts";
import { expectNoneUnhandled } from "./started.ts";

const missing = redisMissing();
const ROUNDS = 20;
const IN_FLIGHT = 100;

const makers: readonly (readonly [library: string, make: (port: number) => CreateDriverOptions["client"]])[] = [
  ["ioredis", (port) => new Redis({ port, host: "127.0.0.1", lazyConnect: true })],
  ["node-redis", (port) => createClient({ socket: { port, host: "127.0.0.1" } })],
];

/** Random, and the same in each run. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

describe.skipIf(missing !== undefined)(`a server killed ${ROUNDS} times${missing === undefined ? "" : ` (skipped: ${missing})`}`, () => {
  expectNoneUnhandled();

  // After a restart the clients by themselves publish to no subscriber: their connection for messages may be back later than that for commands.
  it.each(makers)("never takes a publication that this node would not hear: %s", { concurrent: true, timeout: 120_000 }, async (_, make) => {
    const random = seeded(15);
    const redis = await startRedis();
    const count = { heard: 0, acknowledged: 0, refused: 0, toNobody: 0 };
    const driver = await createDriver({ client: make(redis.port), prefix: "t", node: "node-001", clock: realClock });
    const states = new Channel<string>();
    const message = (): void => void count.heard++;
    await driver.start({ message, foreign: () => {}, resubscribed: () => states.push("again"), state: (state) => states.push(state), error: () => {} });
    expect(await states.next()).toBe("up");
    await driver.subscribe(["t:a"]);
    const over = new AbortController();
    const publishing = Array.from({ length: IN_FLIGHT }, async () => {
      while (!over.signal.aborted) {
        try {
          const receivers = await driver.call(driver.publication("t:a", Buffer.alloc(64)));
          count.acknowledged++;
          if (receivers !== 1) count.toNobody++;
        } catch {
          count.refused++;
          await pause(5);
        }
      }
    });
    for (let round = 0; round < ROUNDS; round++) {
      await pause(100 + random() * 200);
      await redis.kill9();
      expect(await states.next(8000)).toBe("down");
      await pause(random() * 200);
      await redis.restart();
      expect([await states.next(8000), await states.next(8000)]).toEqual(["again", "up"]);
    }
    over.abort();
    await Promise.all(publishing);
    await driver.close();
    await redis.close();
    expect(count.toNobody).toBe(0);
    // What was cut off between message and answer is heard and not acknowledged, or the other way round.
    expect(Math.abs(count.heard - count.acknowledged)).toBeLessThanOrEqual(ROUNDS * IN_FLIGHT);
    expect(count.acknowledged).toBeGreaterThan(ROUNDS * IN_FLIGHT);
    expect(count.refused).toBeGreaterThan(0);
  });
});
