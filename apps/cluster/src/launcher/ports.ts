import { randomInt } from "node:crypto";
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Below the ports that systems give out by themselves: a connection of a proxy could take the port of a server that restarts. */
const [LOWEST, HIGHEST] = [15_000, 30_000];
const TRIES = 100;

const STARTS_WITHIN_MS = 10_000;
const POLL_MS = 50;

/** A port of the loopback interface that is free at this moment. @throws Error where there is none. */
export async function freePort(): Promise<number> {
  for (let tries = 1; ; tries++) {
    const port = randomInt(LOWEST, HIGHEST);
    try {
      await checkFree(port);
      return port;
    } catch (error) {
      // Taken: another one.
      if (tries === TRIES) throw error;
    }
  }
}

/** @throws Error with the code EADDRINUSE when something listens there. */
export async function checkFree(port: number): Promise<void> {
  const server = createServer().listen(port, "127.0.0.1");
  await once(server, "listening");
  await new Promise((resolve) => void server.close(resolve));
}

/** Settles when something takes connections there. @throws Error when that takes over 10 s. */
export async function untilOpen(port: number): Promise<void> {
  for (const startedAt = Date.now(); !(await isOpen(port));) {
    if (Date.now() > startedAt + STARTS_WITHIN_MS) throw new Error(`nothing listens on port ${port} after ${STARTS_WITHIN_MS / 1000} s`);
    await new Promise((resolve) => void setTimeout(resolve, POLL_MS));
  }
}

async function isOpen(port: number): Promise<boolean> {
  const socket = connect(port, "127.0.0.1");
  const opened = await new Promise<boolean>((resolve) => void socket.once("connect", () => resolve(true)).once("error", () => resolve(false)));
  socket.destroy();
  return opened;
}
