// oxlint-disable vitest/no-standalone-expect -- the models are judged in a row of policies, sizes and transports
import { setImmediate } from "node:timers/promises";
import type { Connection, SlowConsumerPolicy, UpgraderOptions } from "@upwire/core";
import { describe, expect, it } from "vitest";
import { openClient, readAll, socketTransports, type Client } from "../helpers/transports.ts";

const SIZES = [2000, 5000, 20_000, 66_000, 300_000, 10_000_000];
/** Messages in one turn. */
const BURST = 7;
const KEYS = 3;
/** With each of the sizes: many turns, and one. */
const BURSTS = SIZES.flatMap(
  (size) =>
    [
      [size, 50],
      [size, 6000],
    ] as const,
);

async function stalledClient(transport: string, options: UpgraderOptions): Promise<Client> {
  const client = await openClient(transport, options);
  client.peer.isTaking = false;
  return client;
}

interface Outcome extends Client {
  readonly sent: readonly string[];
  /** Those for which `send` returned true. */
  readonly taken: readonly string[];
  /** Those whose `missed` was called. */
  readonly missed: readonly string[];
  /** What the client got in the end. */
  readonly got: readonly string[];
  readonly wasPaused: boolean;
}

/** Sends three times as much as the queue holds to a client that takes nothing, which then reads. */
async function play(transport: string, slowConsumer: SlowConsumerPolicy, maxQueueBytes: number): Promise<Outcome> {
  const client = await stalledClient(transport, { slowConsumer, maxQueueBytes });
  const { connection, peer } = client;
  const payloadBytes = Math.max(100, maxQueueBytes / 200);
  const sent: string[] = [];
  const taken: string[] = [];
  const missed: string[] = [];
  let sending: string | undefined;
  for (let number = 0; number * payloadBytes < 3 * maxQueueBytes; number++) {
    const message = `${number} `.padEnd(payloadBytes, "x");
    const miss = (one: Connection): void => {
      expect(one).toBe(connection);
      expect(missed).not.toContain(message);
      // What is taken back for another message is told in a later turn.
      if (sending !== undefined) expect(message).toBe(sending);
      missed.push(message);
    };
    sent.push(message);
    sending = message;
    const isTaken = connection.send(message, { key: `${number % KEYS}`, missed: miss });
    sending = undefined;
    if (isTaken) taken.push(message);
    expect(connection.bufferedBytes).toBeLessThanOrEqual(maxQueueBytes);
    if (number % BURST === BURST - 1) await setImmediate();
  }
  for (let turn = 0; turn < 3; turn++) await setImmediate();
  const wasPaused = peer.isPaused;
  const got = await readAll(client);
  return { ...client, sent, taken, missed, got, wasPaused };
}

/** By number, as in `sent`. */
const numbers = (messages: readonly string[]): string => messages.map((message) => message.split(" ", 1)[0]).join(" ");
const without = (messages: readonly string[], some: readonly string[]): string[] => messages.filter((message) => !some.includes(message));
const inOrder = (messages: readonly string[]): string[] => messages.toSorted((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10));

/** What each policy promises of a client that took nothing for a while. */
const models: Readonly<Record<SlowConsumerPolicy, (outcome: Outcome, maxQueueBytes: number) => void>> = {
  close({ sent, got, missed, connection, upgrader }) {
    expect(got.at(-1)).toBe("close");
    const arrived = got.slice(0, -1);
    expect(numbers(arrived)).toBe(numbers(sent.slice(0, arrived.length)));
    expect(numbers(inOrder(missed))).toBe(numbers(sent.slice(arrived.length)));
    expect(connection.isOpen).toBe(false);
    expect(upgrader.stats).toMatchObject({ ended: { ERR_SLOW_CONSUMER: 1 }, dropped: 0, replaced: 0 });
  },
  "drop-newest"({ sent, taken, got, missed, upgrader }) {
    expect(taken.length).toBeLessThan(sent.length);
    expect(numbers(got)).toBe(numbers(taken));
    expect(numbers(missed)).toBe(numbers(without(sent, taken)));
    expect(upgrader.stats).toMatchObject({ ended: {}, dropped: missed.length, replaced: 0 });
  },
  "drop-oldest"({ sent, taken, got, missed, upgrader }, maxQueueBytes) {
    expect(numbers(taken)).toBe(numbers(sent));
    // What the socket had, and the newest.
    const first = got.findIndex((message, at) => message !== sent[at]);
    expect(first).toBeGreaterThan(0);
    const newest = got.slice(first);
    expect(numbers(newest)).toBe(numbers(sent.slice(-newest.length)));
    expect(newest.reduce((bytes, { length }) => bytes + length + 4 + 64 + 64, 0)).toBeGreaterThan(maxQueueBytes / 2 - 2 * (sent[0]?.length ?? 0));
    expect(numbers(missed)).toBe(numbers(without(sent, got)));
    expect(upgrader.stats).toMatchObject({ ended: {}, dropped: missed.length, replaced: 0 });
  },
  "keep-latest"({ sent, taken, got, missed, upgrader }) {
    expect(numbers(taken)).toBe(numbers(sent));
    expect(numbers(inOrder(got.slice(-KEYS)))).toBe(numbers(sent.slice(-KEYS)));
    expect(numbers(got.slice(0, -KEYS))).toBe(numbers(sent.slice(0, got.length - KEYS)));
    expect(numbers(missed)).toBe(numbers(without(sent, got)));
    expect(upgrader.stats).toMatchObject({ ended: {}, dropped: 0, replaced: missed.length });
  },
  pause({ sent, taken, got, missed, upgrader, wasPaused, peer }) {
    expect(taken.length).toBeLessThan(sent.length);
    expect(numbers(got)).toBe(numbers(taken));
    expect(numbers(missed)).toBe(numbers(without(sent, taken)));
    expect([wasPaused, peer.isPaused]).toEqual([true, false]);
    expect(upgrader.stats).toMatchObject({ ended: {}, dropped: missed.length, replaced: 0 });
  },
};

describe.each(socketTransports)("a client that takes nothing for a while, on %s", (transport) => {
  for (const [policy, judge] of Object.entries(models)) {
    it.each(SIZES)(`gets what "${policy}" promises with a queue of %i bytes`, async (maxQueueBytes) => {
      judge(await play(transport, policy as SlowConsumerPolicy, maxQueueBytes), maxQueueBytes);
    });
  }

  it.each(BURSTS)("gets the newest messages with drop-oldest and a queue of %i bytes, %i in a turn (E1)", async (maxQueueBytes, burst) => {
    const client = await stalledClient(transport, { slowConsumer: "drop-oldest", maxQueueBytes });
    const sent = Array.from({ length: 6000 }, (_, number) => `${number}`.padEnd(Math.max(20, maxQueueBytes / 2000), "x"));
    for (const [number, message] of sent.entries()) {
      expect(client.connection.send(message)).toBe(true);
      if (number % burst === burst - 1) await setImmediate();
    }
    const got = await readAll(client);
    expect(got.at(-1)).toBe(sent.at(-1));
    expect(client.upgrader.stats.dropped).toBe(sent.length - got.length);
  });

  it.each(BURSTS)("gets the latest of each key with keep-latest and a queue of %i bytes, %i in a turn (E1)", async (maxQueueBytes, burst) => {
    const client = await stalledClient(transport, { slowConsumer: "keep-latest", maxQueueBytes });
    const sent = Array.from({ length: 6000 }, (_, number) => `${number}`.padEnd(Math.max(20, maxQueueBytes / 2000), "x"));
    for (const [number, message] of sent.entries()) {
      expect(client.connection.send(message, { key: `${number % KEYS}` })).toBe(true);
      if (number % burst === burst - 1) await setImmediate();
    }
    const got = await readAll(client);
    expect(inOrder(got.slice(-KEYS))).toEqual(sent.slice(-KEYS));
    expect(client.upgrader.stats).toMatchObject({ replaced: sent.length - got.length, ended: {} });
  });

  it.each(["drop-newest", "drop-oldest", "keep-latest", "pause"] as const)("gets each message that must arrive with %s, or is ended", async (slowConsumer) => {
    const client = await stalledClient(transport, { slowConsumer, maxQueueBytes: 20_000 });
    const { connection, upgrader } = client;
    const sent: string[] = [];
    const missed: string[] = [];
    const isOver = (): boolean => !connection.isOpen;
    for (let number = 0; !isOver() && number < 10_000; number++) {
      const important = `${number} important`;
      if (connection.send(important, { mustArrive: true, key: "one for all", missed: () => missed.push(important) })) sent.push(important);
      for (let other = 0; other < 5; other++) connection.send(`${number} other`.padEnd(150), { key: `${other}` });
      if (number % BURST === 0) await setImmediate();
      if (number === 20) {
        const got = (await readAll(client)).filter((message) => message.includes("important"));
        expect(got).toEqual(sent);
        client.peer.isTaking = false;
      }
    }
    expect(upgrader.stats.ended).toEqual({ ERR_SLOW_CONSUMER: 1 });
    await setImmediate();
    const got = (await readAll(client)).filter((message) => message.includes("important"));
    // Nothing in between was lost: only what the socket had not been given when it ended.
    expect(got).toEqual(sent.slice(0, got.length));
    expect(missed.length).toBe(sent.length + 1 - got.length);
  });
});
