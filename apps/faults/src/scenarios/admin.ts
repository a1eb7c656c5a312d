import type { RedisServer } from "@upwire/testing/redis";
import { Redis } from "ioredis";

/** Gives `use` a connection that is none of the nodes'. */
export async function withAdmin(redis: RedisServer, use: (admin: Redis) => Promise<void>): Promise<void> {
  const admin = new Redis(redis.port, "127.0.0.1", { lazyConnect: true });
  await admin.connect();
  try {
    await use(admin);
  } finally {
    admin.disconnect();
  }
}
