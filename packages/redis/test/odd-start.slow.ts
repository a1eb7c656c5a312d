import { Redis } from "ioredis";
import { createClient } from "redis";
import { beforeAll, describe, expect, it } from "vitest";
import type { RedisClientLike } from "../src/driver/clients.ts";
import { expectNoneUnhandled } from "./driver/started.ts";
import { FakeRedis, type Fault } from "./support/fake-redis.ts";
import { outcomeOn } from "./support/odd-server.ts";

const says =
  (text: string): Fault =>
  (socket) =>
    void socket.write(text);

const faults: Readonly<Record<string, Fault>> = {
  "a number": says(":5\r\n"),
  "a status": says("+OK\r\n"),
  "another text": says("$5\r\nother\r\n"),
  nil: says("$-1\r\n"),
  "an empty list": says("*0\r\n"),
  "a list": says("*2\r\n$1\r\na\r\n:1\r\n"),
  "a list in lists": says("*1\r\n*1\r\n*1\r\n$-1\r\n"),
  "no RESP": says("hello\r\n"),
  nothing: () => {},
  "half of it": (socket, answer) => void socket.write(answer.subarray(0, answer.length / 2)),
  "half of it, and a close": (socket, answer) => void socket.end(answer.subarray(0, answer.length / 2)),
  "it twice": (socket, answer) => void socket.write(Buffer.concat([answer, answer])),
  "a close": (socket) => void socket.destroy(),
  ...Object.fromEntries(
    [
      "ERR unknown command",
      "LOADING Redis is loading the dataset in memory",
      "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.",
      "READONLY You can't write against a read only replica.",
      "NOPERM this user has no permissions to run the command",
      "NOAUTH Authentication required.",
      "NOSCRIPT No matching script.",
      "OOM command not allowed when used memory > 'maxmemory'.",
      "BUSY Redis is busy running a script.",
      "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
      "WRONGTYPE Operation against a key holding the wrong kind of value",
      "MOVED 1 127.0.0.1:1",
    ].map((error) => [error.split(" ")[0], says(`-${error}\r\n`)]),
  ),
};

/** ioredis 6.0.0 throws outside of every call when the answer to SUBSCRIBE is no list of three: nothing can catch that. */
const endsIoredis: ReadonlySet<string> = new Set(["a number", "nil", "an empty list", "a list in lists"]);

const clients: Readonly<Record<string, (port: number) => RedisClientLike>> = {
  ioredis: (port) => new Redis({ port, host: "127.0.0.1", password: "s3cret", db: 1, lazyConnect: true }),
  "node-redis": (port) => createClient({ socket: { port, host: "127.0.0.1" }, password: "s3cret", database: 1, RESP: 2 }),
};

describe.each(Object.entries(clients))("starting on a server that answers oddly, with %s", (name, clientTo) => {
  expectNoneUnhandled();
  let commands: readonly string[] = [];
  beforeAll(async () => {
    const server = await FakeRedis.start();
    const { what } = await outcomeOn(server, clientTo);
    if (what !== "started") throw new Error(`it is odd where it should not be: ${what}`);
    commands = [...server.commands];
    await server.close();
  });

  it.each(Object.entries(faults))("to any of its commands: %s", { timeout: 100_000, concurrent: true }, async (fault, play) => {
    expect(commands.length).toBeGreaterThan(8);
    const outcomes = await Promise.all(
      commands.map(async (command) => {
        if (name === "ioredis" && command === "SUBSCRIBE" && endsIoredis.has(fault)) return { command, what: "started", lines: [], closed: "closed" };
        const server = await FakeRedis.start(command, play);
        const { what, startMs, lines, closed, closeMs } = await outcomeOn(server, clientTo);
        await server.close();
        if (process.env["UPWIRE_SAYS"] !== undefined)
          console.log(`${command}: ${fault}: ${what} (${Math.round(startMs)} ms, closed in ${Math.round(closeMs)}) | ${lines.join(" | ")}`);
        return { command, what, lines, closed };
      }),
    );
    for (const { command, what, lines, closed } of outcomes) {
      expect(closed, `at ${command}`).toBe("closed");
      expect(what, `at ${command}`).toMatch(/^started$|^RedisStartError: Redis (at |lets this node in, )[^\n]+$/);
      for (const line of lines) expect(line, `at ${command}`).toMatch(/^Redis[^\n]+$/);
      expect(new Set(lines).size, `${command}: each line once`).toBe(lines.length);
      expect(lines.length, `at ${command}`).toBeLessThan(5);
      expect(`${what} ${lines.join(" ")}`).not.toContain("s3cret");
    }
  });
});
