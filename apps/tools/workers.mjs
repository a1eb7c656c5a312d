// npm start -- --workers N: as many processes share the ports, and are one chat by the mesh broker.
import { meshBroker } from "@upwire/cluster/mesh";
import cluster from "node:cluster";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * Starts `count` workers; one that ends is replaced.
 * @param options What `startAll` and `startOne` of launcher.mjs take, and the `name` of one demo.
 * @returns what the first worker says it runs, as `startAll` returns it; `close` ends all.
 * @throws Error as a worker met it that could not start.
 */
export async function startWorkers(options, count) {
  const folder = mkdtempSync(join(tmpdir(), "upwire-workers-"));
  process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  const home = await startHome(join(folder, "mesh"));
  cluster.setupPrimary({ exec: fileURLToPath(new URL("worker.mjs", import.meta.url)) });
  let isClosing = false;

  async function startWorker(number) {
    const worker = cluster.fork();
    const ended = once(worker, "exit").then(([code, signal]) => ({ failure: { message: `worker ${number} ended with ${code ?? signal} before it listened` } }));
    const answer = async () => (await once(worker, "message"))[0];
    await Promise.race([answer(), ended]);
    if (worker.isConnected()) worker.send({ number, folder: join(folder, "mesh"), ...options });
    const { started, failure } = await Promise.race([answer(), ended]);
    if (failure !== undefined) throw Object.assign(new Error(failure.message), failure);
    worker.once("exit", (code, signal) => {
      if (isClosing) return;
      console.log(`worker ${number} ended with ${code ?? signal}; another one takes its place`);
      startWorker(number).catch((error) => console.error(error.message));
    });
    console.log(`worker ${number}  pid ${worker.process.pid}`);
    return started;
  }

  async function close() {
    isClosing = true;
    await Promise.all(
      Object.values(cluster.workers).map(async (worker) => {
        const exit = once(worker, "exit");
        worker.send("close", () => {});
        await exit;
      }),
    );
    await home.close();
  }

  try {
    const [first] = await Promise.all(Array.from({ length: count }, (_, index) => startWorker(index + 1)));
    return { ...first, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/**
 * A node without clients, in the process that outlives the workers: the oldest node of a mesh keeps the histories, so that a worker that is
 * killed takes none along.
 */
async function startHome(folder) {
  const broker = meshBroker({ folder });
  const ignore = () => {};
  await broker.start({ message: ignore, top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
  return broker;
}
