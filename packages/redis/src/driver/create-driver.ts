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
  if (known.kind === "ioredis") checkDatabase(known.client.options);
  if (known.kind === "ioredis") return new SingleDriver(ioredisLines(known.client), { ...common, sharded, where: whereOf(known.client.options) });
  return new SingleDriver(nodeRedisLines(known.client), { ...common, sharded, where: whereOf(known.client.options?.socket) });
}

function wrongIn(url: string): string | undefined {
  if (!URL.canParse(url)) return "what is given is no URL";
  const { protocol, hostname, username, password, pathname } = new URL(url);
  if (!SCHEMES.has(protocol) || hostname === "") return `its scheme is ${protocol}`;
  if (!isReadable(username + password)) return "its user or password has a % without two hexadecimal digits";
  return isDatabase(pathname.slice(1)) ? undefined : "its database is no number";
}

function isReadable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

/** With another one ioredis would go on in the first database, and reject where nothing can catch it. */
function isDatabase(given: string | number): boolean {
  return given === "" || /^[0-9]{1,9}$/.test(`${given}`);
}

/** @throws RedisStartError */
function checkDatabase({ db = 0 }: { readonly db?: number } = {}): void {
  if (!isDatabase(db)) throw new RedisStartError(`client: its database ${JSON.stringify(db)} is no number; give one from 0 on`);
}

/** Never the whole options: they hold the password. */
function whereOf({ host, port, path }: { readonly host?: string; readonly port?: number; readonly path?: string } = {}): string {
  return path ?? `${host ?? "localhost"}:${port ?? 6379}`;
}

const SCHEMES: ReadonlySet<string> = new Set(["redis:", "rediss:"]);

async function clientOfUrl(url: string): Promise<KnownClient> {
  const wrong = wrongIn(url);
  // The text itself may hold a password.
  if (wrong !== undefined) throw new RedisStartError(`url: ${wrong}; give redis://user:password@host:6379/0, or rediss:// for TLS`);
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
