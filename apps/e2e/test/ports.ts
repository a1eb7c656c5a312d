import { randomInt } from "node:crypto";
import { once } from "node:events";
import { createServer, type Server } from "node:net";

const TRIES = 100;
/** Below the ports that systems give out by themselves: no other test can get one of these meanwhile. */
const [LOWEST, HIGHEST] = [15_000, 30_000];

/** The first of `count` ports in a row that are free at this moment. @throws Error where there are none. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    const servers: Server[] = [];
    try {
      const first = randomInt(LOWEST, HIGHEST - count);
      for (let i = 0; i < count; i++) await hold(servers, first + i);
      return first;
    } catch (error) {
      // One of the row is taken: another row.
      if (tries === TRIES) throw error;
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

async function hold(servers: Server[], port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
}
