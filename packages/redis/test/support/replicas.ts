import { startRedis, type RedisServer } from "@upwire/testing/redis";
import { until } from "./test-node.ts";

/** A server that copies the one on `port` of 127.0.0.1. Fulfils when it has its first copy. */
export async function startReplica(port: number): Promise<RedisServer> {
  const replica = await startRedis({ args: ["--replicaof", "127.0.0.1", String(port), "--repl-diskless-sync-delay", "0"] });
  await untilLinked(replica);
  return replica;
}

/** Makes a running server the copy of another one: what it had and that has not is gone. */
export async function follow(server: RedisServer, port: number): Promise<void> {
  await server.cli("REPLICAOF", "127.0.0.1", port);
  await untilLinked(server);
}

export async function promote(server: RedisServer): Promise<void> {
  await server.cli("REPLICAOF", "NO", "ONE");
}

/** Fulfils when the replica has all that its master had at the call. */
export async function untilSame(master: RedisServer, replica: RedisServer): Promise<void> {
  const wanted = Number(/master_repl_offset:(\d+)/.exec(await master.cli("INFO", "replication"))?.[1]);
  await until("the replica has it all", async () => Number(/slave_repl_offset:(\d+)/.exec(await replica.cli("INFO", "replication"))?.[1]) >= wanted);
}

async function untilLinked(replica: RedisServer): Promise<void> {
  await until("the replica has its copy", async () => (await replica.cli("INFO", "replication")).includes("master_link_status:up"));
}
