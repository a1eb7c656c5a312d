import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that Linux gives to outgoing connections: while a killed server is away, none of those can take its port. */
const FIRST = 10_000;
const LAST = 32_000;
const TRIES = 50;

/** A port of 127.0.0.1 that nothing listens on, and that stays free of outgoing connections. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < TRIES; tries++) {
    const port = FIRST + Math.floor(Math.random() * (LAST - FIRST));
    if (await isFree(port)) return port;
  }
  throw new Error(`none of ${TRIES} ports between ${FIRST} and ${LAST} is free`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, "127.0.0.1"), "listening");
  } catch {
    return false;
  }
  await new Promise((resolve) => server.close(resolve));
  return true;
}

/** Starts again, on other ports, what found that another process had taken its port in between. */
export async function retryTaken<Started>(start: () => Promise<Started>): Promise<Started> {
  for (let left = 5; ; left--) {
    try {
      return await start();
    } catch (error) {
      if (left === 0 || !String(error).includes("Address already in use")) throw error;
    }
  }
}
