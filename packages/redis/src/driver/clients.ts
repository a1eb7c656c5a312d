import { RedisStartError } from "./driver.ts";

/** A client of ioredis or of node-redis, for one server (or what its Sentinels lead to) or for a Cluster. Its options are read, and connections are made from copies of it; the client itself is never used. */
export interface RedisClientLike {
  // Both libraries type their overrides with their own options; what is given to them is checked where it is called.
  duplicate(...overrides: never): object;
}

type Emit = (event: string, listener: (...args: never) => void) => unknown;

/** What is used of `Redis` of ioredis. */
export interface IoredisClient {
  readonly options: { readonly host?: string; readonly port?: number; readonly db?: number };
  duplicate(override: object): IoredisClient;
  connect(): Promise<void>;
  disconnect(): void;
  readonly on: Emit;
  callBuffer(command: string, args: readonly (string | Buffer | number)[]): Promise<unknown>;
  pipeline(): IoredisPipeline;
  subscribe(...channels: readonly string[]): Promise<unknown>;
  unsubscribe(...channels: readonly string[]): Promise<unknown>;
  ssubscribe(...channels: readonly string[]): Promise<unknown>;
  sunsubscribe(...channels: readonly string[]): Promise<unknown>;
}

interface IoredisPipeline {
  callBuffer(command: string, args: readonly (string | Buffer | number)[]): unknown;
  exec(): Promise<readonly (readonly [Error | null, unknown])[] | null>;
}

/** What is used of `Cluster` of ioredis. */
export interface IoredisClusterClient {
  readonly options: { readonly natMap?: IoredisNatMap };
  duplicate(startupNodes: readonly never[], override: object): IoredisClusterClient;
  connect(): Promise<void>;
  disconnect(): void;
  readonly on: Emit;
  nodes(role: "all"): readonly IoredisClient[];
}

type IoredisNatMap = Readonly<Record<string, { host: string; port: number }>> | ((key: string) => { host: string; port: number } | null);

/** What is used of a client of node-redis. */
export interface NodeRedisClient {
  readonly options?: { readonly socket?: { readonly host?: string; readonly port?: number } };
  readonly isOpen: boolean;
  duplicate(override: object): NodeRedisClient;
  connect(): Promise<unknown>;
  destroy(): void;
  readonly on: Emit;
  sendCommand(args: readonly (string | Buffer)[]): Promise<unknown>;
  subscribe(channels: string[], listener: NodeRedisListener, isBuffer: true): Promise<unknown>;
  unsubscribe(channels: string[], listener: NodeRedisListener, isBuffer: true): Promise<unknown>;
  sSubscribe(channels: string[], listener: NodeRedisListener, isBuffer: true): Promise<unknown>;
  sUnsubscribe(channels: string[], listener: NodeRedisListener, isBuffer: true): Promise<unknown>;
}

export type NodeRedisListener = (message: Buffer, channel: Buffer) => void;

interface NodeRedisNode {
  readonly id: string;
  readonly host: string;
  readonly port: number;
  readonly client?: NodeRedisClient;
}

/** What is used of a cluster of node-redis. */
export interface NodeRedisClusterClient {
  readonly masters: readonly NodeRedisNode[];
  readonly replicas: readonly NodeRedisNode[];
  duplicate(override: object): NodeRedisClusterClient;
  connect(): Promise<unknown>;
  destroy(): void;
  readonly on: Emit;
  nodeClient(node: NodeRedisNode): Promise<NodeRedisClient>;
}

export type KnownClient =
  | { readonly kind: "ioredis"; readonly client: IoredisClient }
  | { readonly kind: "ioredis-cluster"; readonly client: IoredisClusterClient }
  | { readonly kind: "node-redis"; readonly client: NodeRedisClient }
  | { readonly kind: "node-redis-cluster"; readonly client: NodeRedisClusterClient };

/** Tells by its methods what a client is: two copies of a library must both be known. @throws RedisStartError */
export function knownClient(client: unknown): KnownClient {
  const has = (name: string): boolean => typeof (client as Record<string, unknown> | null | undefined)?.[name] === "function";
  if (has("duplicate") && has("callBuffer")) {
    if (has("nodes")) return { kind: "ioredis-cluster", client: client as IoredisClusterClient };
    return { kind: "ioredis", client: client as IoredisClient };
  }
  if (has("duplicate") && has("nodeClient")) return { kind: "node-redis-cluster", client: client as NodeRedisClusterClient };
  if (has("acquire") || has("execute")) {
    throw new RedisStartError(
      "client: a pool or a Sentinel client of node-redis cannot be taken; give createClient or createCluster of node-redis, or for Sentinels new Redis({ sentinels, name }) of ioredis",
    );
  }
  if (has("duplicate") && has("sendCommand")) return { kind: "node-redis", client: client as NodeRedisClient };
  throw new RedisStartError(
    "client: this is no client of ioredis or node-redis; give new Redis() or new Cluster() of ioredis, or createClient() or createCluster() of node-redis",
  );
}
