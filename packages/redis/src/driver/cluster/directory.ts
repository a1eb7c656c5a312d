import type { IoredisClusterClient, NodeRedisClient, NodeRedisClusterClient } from "../clients.ts";
import { ioredisLines } from "../ioredis-line.ts";
import { CONNECT_MS, type LineSource, type ServerAddress } from "../line.ts";
import { nodeRedisLines } from "../node-redis-line.ts";
import type { Translate } from "./slots.ts";

/** What a client library knows of its Cluster: how to reach the servers. */
export interface Directory {
  readonly lines: LineSource;
  readonly addresses: readonly ServerAddress[];
  readonly translate: Translate;
}

/** Opens a copy of the user's Cluster client for a moment, reads it, and ends it. Rejects with the error of a server that says most. */
export type OpenDirectory = () => Promise<Directory>;

export function ioredisDirectory(client: IoredisClusterClient): OpenDirectory {
  return async () => {
    const copy = client.duplicate([], {
      lazyConnect: true,
      clusterRetryStrategy: () => null,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      shardedSubscribers: false,
    });
    // What comes first says what is wrong, unless it is only that; what follows, that no server could be used.
    let first: Error | undefined;
    const note = (error: Error): void => {
      if (error.message !== "Connection is closed.") first ??= error;
    };
    copy.on("node error", note);
    copy.on("error", () => {});
    try {
      await withDeadline(copy.connect());
      const nodes = copy.nodes("all");
      const [template] = nodes;
      if (template === undefined) throw new Error("none of the servers of the Cluster answers");
      const addresses = nodes.map(({ options }) => ({ host: options.host ?? "localhost", port: options.port ?? 6379 }));
      return { lines: ioredisLines(template), addresses, translate: ioredisTranslate(client.options.natMap) };
    } catch {
      throw first ?? new Error("none of the client's start nodes lets it in; is Redis running, and are the addresses right?");
    } finally {
      copy.disconnect();
    }
  };
}

function ioredisTranslate(natMap: IoredisClusterClient["options"]["natMap"]): Translate {
  return ({ host, port }) => {
    const key = `${host}:${port}`;
    const mapped = typeof natMap === "function" ? natMap(key) : natMap?.[key];
    return mapped == null ? { host, port } : { host: mapped.host, port: mapped.port };
  };
}

export function nodeRedisDirectory(client: NodeRedisClusterClient): OpenDirectory {
  return async () => {
    // All servers are wanted, and none need be connected: one that is away would hold up the others.
    const copy = client.duplicate({ minimizeConnections: true, useReplicas: true });
    let first: Error | undefined;
    const note = (error: Error): void => void (first ??= error);
    copy.on("error", note);
    copy.on("node-error", note);
    try {
      await withDeadline(copy.connect());
      const known = new Map<string, ServerAddress>();
      let template: NodeRedisClient | undefined;
      for (const node of [...copy.masters, ...copy.replicas]) {
        // It makes the client at once, with the address that the user's `nodeAddressMap` gives, and connects it, which is ended below.
        copy.nodeClient(node).catch(() => {});
        template ??= node.client;
        const { host = node.host, port = node.port } = node.client?.options?.socket ?? {};
        known.set(node.id, { host, port });
      }
      if (template === undefined) throw new Error("none of the servers of the Cluster answers");
      return { lines: nodeRedisLines(template), addresses: [...known.values()], translate: ({ id, host, port }) => known.get(id) ?? { host, port } };
    } catch (error) {
      throw first ?? error;
    } finally {
      copy.destroy();
    }
  };
}

/** A frozen server takes a connection, and then the libraries wait without end. */
async function withDeadline(connected: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`Redis did not answer within ${CONNECT_MS} ms`)), CONNECT_MS);
  });
  try {
    await Promise.race([connected, late]);
  } finally {
    clearTimeout(timer);
  }
}
