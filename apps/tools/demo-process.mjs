// Starts a built demo in a process of its own, to be attacked and watched from outside.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("demo-child.mjs", import.meta.url));

/**
 * @param name A key of `demos`.
 * @param options `stderr: "ignore"` for whoever sends so many bad requests that what Koa prints about each is no news.
 * @throws Error when it ends before it listens.
 */
export async function launchDemo(name, { stderr = "inherit" } = {}) {
  // What a refused request makes the frameworks print is no news here; their own end is.
  const server = fork(child, [name], { stdio: ["ignore", "ignore", stderr, "ipc"] });
  const ended = once(server, "exit").then(([code, signal]) => {
    throw new Error(`the ${name} demo ended with ${code ?? signal}`);
  });
  ended.catch(() => {});
  const [{ port }] = await Promise.race([once(server, "message"), ended]);
  return {
    name,
    pid: server.pid,
    url: `ws://127.0.0.1:${port}/ws/echo`,
    /** Uncaught exceptions and unhandled rejections so far. Rejects when the process has ended. */
    async faults() {
      const answer = Promise.race([once(server, "message"), ended]);
      server.send("faults");
      const [{ faults }] = await answer;
      return faults;
    },
    close: () => server.disconnect(),
  };
}
