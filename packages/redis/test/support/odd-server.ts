import type { Clock } from "@upwire/core";
import { redisBroker } from "@upwire/redis";
import type { RedisClientLike } from "../../src/driver/clients.ts";
import type { FakeRedis } from "./fake-redis.ts";
import { fastClock } from "./fast-clock.ts";

/** What `start` may take: 15 s of its own fast clock, and a machine that has other things to do. Milliseconds. */
const STARTS_WITHIN_MS = 40_000;
const CLOSES_WITHIN_MS = 10_000;

export interface Outcome {
  readonly what: string;
  readonly startMs: number;
  readonly lines: readonly string[];
  readonly closed: string;
  readonly closeMs: number;
}

/** Starts a broker on it, closes it, and says how both went. */
export async function outcomeOn(server: FakeRedis, clientTo: (port: number) => RedisClientLike, clock: Clock = fastClock): Promise<Outcome> {
  const lines: string[] = [];
  const broker = redisBroker({ client: clientTo(server.port), clock, onError: ({ message }) => void lines.push(message) });
  const ignore = (): void => {};
  const startedAt = performance.now();
  const sink = { message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore };
  const starting = Promise.resolve(broker.start(sink)).then(
    () => "started",
    ({ name, message }: Error) => `${name}: ${message}`,
  );
  const what = await before(starting, STARTS_WITHIN_MS);
  const startMs = performance.now() - startedAt;
  const closedAt = performance.now();
  const closed = await before(
    broker.close().then(() => "closed"),
    CLOSES_WITHIN_MS,
  );
  return { what, startMs, lines, closed, closeMs: performance.now() - closedAt };
}

async function before(one: Promise<string>, ms: number): Promise<string> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => (timer = setTimeout(() => resolve(`not within ${ms} ms`), ms)));
  return Promise.race([one, late]).finally(() => clearTimeout(timer));
}
