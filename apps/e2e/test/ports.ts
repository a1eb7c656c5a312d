import { once } from "node:events";
import { createServer, type AddressInfo, type Server } from "node:net";

const TRIES = 100;

/** The first of `count` ports in a row that are free at this moment. @throws Error where there are none. */
export async function freePorts(count: number): Promise<number> {
  for (let tries = 1; ; tries++) {
    const servers: Server[] = [];
    try {
      const first = await hold(servers, 0);
      for (let i = 1; i < count; i++) await hold(servers, first + i);
      return first;
    } catch (error) {
      // One of the row is taken, or beyond 65535: another row, unless there is no free port at all.
      if (servers.length === 0 || tries === TRIES) throw error;
    } finally {
      await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
    }
  }
}

async function hold(servers: Server[], port: number): Promise<number> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  servers.push(server);
  return (server.address() as AddressInfo).port;
}
