import { realClock } from "@upwire/cluster/broker";
import { Redis } from "ioredis";
import { describe, expect, it } from "vitest";
import { expectNoneUnhandled } from "./driver/started.ts";
import { FakeRedis, type Fault } from "./support/fake-redis.ts";
import { outcomeOn, type Outcome } from "./support/odd-server.ts";

const says =
  (text: string): Fault =>
  (socket) =>
    void socket.write(text);

async function startOn(command: string, fault: Fault): Promise<Outcome> {
  const server = await FakeRedis.start(command, fault);
  try {
    return await outcomeOn(server, (port) => new Redis({ port, host: "127.0.0.1", lazyConnect: true }), realClock);
  } finally {
    await server.close();
  }
}

/** All commands and answers are in odd-start.slow.ts. */
describe("starting on a server that answers oddly", { concurrent: true }, () => {
  expectNoneUnhandled();

  it.each<[command: string, fault: string, play: Fault, says: RegExp]>([
    ["HELLO", "a list", says("*2\r\n$1\r\na\r\n:1\r\n"), /^RedisStartError: Redis at \S+: what answers there is not Redis \(its HELLO names no version\)$/],
    ["EVALSHA", "a text", says("+OK\r\n"), /^RedisStartError: Redis lets this node in, but .*: the answer of a script is not what it returns$/],
    ["EVALSHA", "no memory", says("-OOM command not allowed\r\n"), /^RedisStartError: Redis lets this node in, but .*: OOM command not allowed$/],
    ["PUBLISH", "no right", says("-NOPERM no permissions\r\n"), /^RedisStartError: Redis lets this node in, but .*: NOPERM no permissions$/],
    ["PUBLISH", "no connection", (socket) => void socket.destroy(), /^RedisStartError: Redis lets this node in, but /],
  ])("says it in one line: to %s %s", async (command, _, play, line) => {
    const { what, closed } = await startOn(command, play);
    expect(what).toMatch(line);
    expect(closed).toBe("closed");
  });

  it("closes though nothing is answered any more", async () => {
    const { what, closed } = await startOn("ZREM", () => {});
    expect([what, closed]).toEqual(["started", "closed"]);
  });
});
