import { setImmediate } from "node:timers/promises";
import { createHub, type Connection, type SlowConsumerPolicy } from "@upwire/core";
import { expect } from "vitest";
import { Channel } from "../channel.ts";
import { Opcode } from "../client-frame.ts";
import type { Suite } from "./suite.ts";
import type { WireClient } from "../wire-client.ts";

const CHUNK_BYTES = 16 * 1024;
/** Beyond all that the kernel keeps for a client that does not read. */
const FAR_TOO_MANY = 2048;

/** What one client may cost, and what happens to one that wants more. */
export function limits(suite: Suite): void {
  const errors = new Channel<string>();
  const arrived = new Channel<string>();
  const connections = new Channel<Connection>();

  suite.route("/limits/paced", { message: (_connection, message) => arrived.push(message.text()) }, { rateLimit: { messagesPerSecond: 500, messageBurst: 5 } });
  suite.it("reads no faster than the rate limit, and loses nothing", async () => {
    const client = await suite.connect("/limits/paced");
    const texts = Array.from({ length: 40 }, (_, i) => `message ${i}`);
    const start = performance.now();
    for (const text of texts) client.sendText(text);
    for (const text of texts) expect(await arrived.next()).toBe(text);
    // 5 at once, and the last of the other 35 after 34 / 500 s.
    expect(performance.now() - start).toBeGreaterThan(60);
  });

  suite.route(
    "/limits/flooded",
    { error: (_connection, error) => errors.push(error.code) },
    { rateLimit: { messagesPerSecond: 100, messageBurst: 4, patienceMs: 50 } },
  );
  suite.it("closes a client that keeps pushing with 4429", async () => {
    const client = await suite.connect("/limits/flooded");
    for (let i = 0; i < 500; i++) client.sendText("more");
    expect(await client.closed).toMatchObject({ code: 4429, reason: "rate limit" });
    expect(await errors.next()).toBe("ERR_RATE_LIMIT");
    await suite.expectAlive();
  });
  suite.it("counts pings too", async () => {
    const client = await suite.connect("/limits/flooded");
    for (let i = 0; i < 500; i++) client.sendFrame({ opcode: Opcode.ping, payload: "p" });
    expect((await client.closed).code).toBe(4429);
    expect(await errors.next()).toBe("ERR_RATE_LIMIT");
  });

  for (const policy of ["drop-newest", "drop-oldest", "keep-latest", "pause"] as const) {
    suite.route(`/limits/${policy}`, { open: (connection) => connections.push(connection) }, { slowConsumer: policy, maxQueueBytes: 32 * CHUNK_BYTES });
  }
  async function behind(policy: SlowConsumerPolicy): Promise<{ client: WireClient; connection: Connection }> {
    const client = await suite.connect(`/limits/${policy}`);
    client.pause();
    return { client, connection: await connections.next() };
  }
  const numbered = (i: number): string => String(i).padEnd(CHUNK_BYTES);
  /** The numbers that come once the client reads again, until `last`. */
  async function numbersUntil(client: WireClient, last: number): Promise<number[]> {
    client.resume();
    const numbers: number[] = [];
    while (numbers.at(-1) !== last) numbers.push(Number((await client.nextMessage()).text));
    return numbers;
  }

  for (const policy of ["drop-newest", "pause"] as const) {
    suite.it(`refuses what does not fit, by the policy ${policy}`, async () => {
      const { client, connection } = await behind(policy);
      const taken: number[] = [];
      for (let i = 0; i < FAR_TOO_MANY; i++) {
        if (connection.send(numbered(i))) taken.push(i);
        if (i % 16 === 0) await setImmediate();
      }
      expect(taken.length).toBeLessThan(FAR_TOO_MANY);
      expect(connection.bufferedBytes).toBeLessThanOrEqual(33 * CHUNK_BYTES);
      expect(await numbersUntil(client, taken.at(-1) ?? -1)).toEqual(taken);
    });
  }

  suite.it("lets the oldest go, by the policy drop-oldest", async () => {
    const { client, connection } = await behind("drop-oldest");
    for (let i = 0; i < FAR_TOO_MANY; i++) {
      expect(connection.send(numbered(i))).toBe(true);
      expect(connection.bufferedBytes).toBeLessThanOrEqual(33 * CHUNK_BYTES);
      if (i % 16 === 0) await setImmediate();
    }
    const got = await numbersUntil(client, FAR_TOO_MANY - 1);
    expect(got).toEqual(got.toSorted((a, b) => a - b));
    // A gap, and behind it everything that fitted.
    expect(got.length).toBeLessThan(FAR_TOO_MANY);
    expect(got.slice(-20)).toEqual(Array.from({ length: 20 }, (_, i) => FAR_TOO_MANY - 20 + i));
  });

  suite.it("keeps the latest of each key, by the policy keep-latest", async () => {
    const { client, connection } = await behind("keep-latest");
    for (let i = 0; i < FAR_TOO_MANY; i++) {
      expect(connection.send(numbered(i), { key: `key ${i % 4}` })).toBe(true);
      if (i % 16 === 0) await setImmediate();
    }
    connection.send("-1");
    const got = await numbersUntil(client, -1);
    expect(got.length).toBeLessThan(FAR_TOO_MANY);
    // Each in the place of the first one that waited.
    expect(got.slice(-5, -1).toSorted((a, b) => b - a)).toEqual([1, 2, 3, 4].map((n) => FAR_TOO_MANY - n));
  });

  suite.it("closes what falls behind without a key, by the policy keep-latest", async () => {
    const { client, connection } = await behind("keep-latest");
    for (let i = 0; i < FAR_TOO_MANY && connection.isOpen; i++) {
      connection.send(numbered(i));
      if (i % 16 === 0) await setImmediate();
    }
    expect(connection.isOpen).toBe(false);
    client.resume();
    expect(await client.closed).toMatchObject({ code: 1013, reason: "slow consumer" });
  });

  suite.route(
    "/limits/greedy",
    { message: (connection) => void (connection.send(Buffer.alloc(CHUNK_BYTES)) || arrived.push("refused")) },
    { slowConsumer: "pause", maxQueueBytes: 64 * CHUNK_BYTES },
  );
  suite.it("reads no requests of a client that does not read the answers, by the policy pause", async () => {
    const client = await suite.connect("/limits/greedy");
    client.pause();
    for (let i = 0; i < FAR_TOO_MANY; i++) client.sendText("an answer, please");
    await suite.expectAlive();
    client.resume();
    for (let i = 0; i < FAR_TOO_MANY; i++) expect((await client.nextMessage(10_000)).bytes.byteLength).toBe(CHUNK_BYTES);
    expect(arrived.size).toBe(0);
  });

  suite.route("/limits/json", {
    message: (connection, message) => void connection.sendJson(message.json()),
    error: (_connection, error) => errors.push(error.code),
  });
  for (const [what, text] of [
    ["no JSON", "{"],
    ["deep nesting", "[".repeat(100_000)],
    ["a key that reaches the prototype", '{"a":{"__proto__":{"admin":true}}}'],
    ["such a key in escapes", String.raw`{"\u005f_proto__":1}`],
  ] as const) {
    suite.it(`closes ${what} in message.json() with 1007, and blames the client`, async () => {
      const client = await suite.connect("/limits/json");
      client.sendText('{"fine":[1,"constructor"]}');
      expect((await client.nextMessage()).text).toBe('{"fine":[1,"constructor"]}');
      client.sendText(text);
      expect(await client.closed).toMatchObject({ code: 1007, reason: "invalid JSON" });
      expect(await errors.next()).toBe("ERR_JSON");
      expect(suite.errors).toEqual([]);
      await suite.expectAlive();
    });
  }

  const hub = createHub({ maxRoomsPerConnection: 3, maxRoomNameLength: 10 });
  suite.route("/limits/rooms", {
    message: (connection, message) => void connection.sendJson({ joined: hub.room(message.text()).add(connection) }),
  });
  suite.it("lets a client into so many rooms and no more", async () => {
    const client = await suite.connect("/limits/rooms");
    const answers: string[] = [];
    for (const room of ["a", "b", "a much too long name", "c", "d", "a"]) {
      client.sendText(room);
      answers.push((await client.nextMessage()).text);
    }
    expect(answers.map((answer) => (JSON.parse(answer) as { joined: boolean }).joined)).toEqual([true, true, false, true, false, true]);
    expect(hub.stats.refusedJoins).toBe(2);
  });
}
