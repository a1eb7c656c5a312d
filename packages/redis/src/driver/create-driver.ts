import type { Clock } from "@upwire/core";
import { ioredisDirectory, nodeRedisDirectory } from "./cluster/directory.ts";
import { ClusterDriver } from "./cluster/cluster-driver.ts";
import { knownClient, type IoredisClient, type KnownClient, type RedisClientLike } from "./clients.ts";
import { RedisStartError, type RedisDriver, type RedisScript } from "./driver.ts";
import { ioredisLines } from "./ioredis-line.ts";
import { nodeRedisLines } from "./node-redis-line.ts";
import { SingleDriver } from "./single-driver.ts";

/** What a driver is made from. */
export interface CreateDriverOptions {
  /** Of ioredis or node-redis: only its options are used, so it may be connected, not yet connected, or closed. Or an address. */
  readonly client: RedisClientLike | { readonly url: string };
  /** Before all keys and channels. */
  readonly prefix: string;
  /** Random, of this node alone. */
  readonly node: string;
  readonly clock: Clock;
  /** Channels live in slots: always so on a Cluster. @default false */
  readonly sharded?: boolean;
  /** Loaded into every server before it is used. @default none */
  readonly scripts?: readonly RedisScript[];
  /** How long `start` tries a server that refuses, loads its data or does not answer. Milliseconds. @default 10000 */
  readonly startWithinMs?: number;
}

/** @throws RedisStartError for what is no client, a wrong URL or a missing package. */
export async function createDriver(options: CreateDriverOptions): Promise<RedisDriver> {
  const { client, prefix, node, clock, sharded = false, scripts = [], startWithinMs = 10_000 } = options;
  const { url } = (client ?? {}) as { readonly url?: unknown };
  const known = typeof url === "string" ? await clientOfUrl(url) : knownClient(client);
  const common = { prefix, node, clock, scripts, startWithinMs };
  if (known.kind === "ioredis-cluster") return new ClusterDriver(ioredisDirectory(known.client), common);
  if (known.kind === "node-redis-cluster") return new ClusterDriver(nodeRedisDirectory(known.client), common);
  if (known.kind === "ioredis") return new SingleDriver(ioredisLines(known.client), { ...common, sharded, where: whereOf(known.client.options) });
  return new SingleDriver(nodeRedisLines(known.client), { ...common, sharded, where: whereOf(known.client.options?.socket) });
}

/** Never the whole options: they hold the password. */
function whereOf({ host, port, path }: { readonly host?: string; readonly port?: number; readonly path?: string } = {}): string {
  return path ?? `${host ?? "localhost"}:${port ?? 6379}`;
}

const SCHEMES: ReadonlySet<string> = new Set(["redis:", "rediss:"]);

async function clientOfUrl(url: string): Promise<KnownClient> {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed === undefined || !SCHEMES.has(parsed.protocol) || parsed.hostname === "") {
    // The text itself may hold a password.
    const given = parsed === undefined ? "what is given is no URL" : `its scheme is ${parsed.protocol}`;
    throw new RedisStartError(`url: ${given}; give redis://user:password@host:6379/0, or rediss:// for TLS`);
  }
  let Redis: new (url: string, options: object) => IoredisClient;
  try {
    ({ Redis } = (await import("ioredis")) as unknown as { Redis: typeof Redis });
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ERR_MODULE_NOT_FOUND") throw error;
    throw new RedisStartError("url needs the package ioredis, which is not installed: npm install ioredis; or give a `client`");
  }
  // It is never connected: lines are made from its options.
  return { kind: "ioredis", client: new Redis(url, { lazyConnect: true }) };
}
