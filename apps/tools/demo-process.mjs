// Starts a built demo in a process of its own, to be attacked and watched from outside.
import { fork } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const child = fileURLToPath(new URL("demo-child.mjs", import.meta.url));

/**
 * @param name A key of `demos`.
 * @param quiet Without what its framework prints about each bad request; why it ended is then not seen either.
 * @param runtime Another program than this Node, with its flags.
 * @throws Error when it ends before it listens.
 */
export async function launchDemo(name, { quiet = false, runtime } = {}) {
  // What a refused request makes the frameworks print is no news here; their own end is.
  const program = runtime && { execPath: runtime.program, execArgv: runtime.flags };
  const server = fork(child, [name], { ...program, stdio: ["ignore", "ignore", quiet ? "ignore" : "inherit", "ipc"] });
  const ended = once(server, "exit").then(([code, signal]) => {
    throw new Error(`the ${name} demo ended with ${code ?? signal}`);
  });
  ended.catch(() => {});
  const ask = async () => {
    const answer = Promise.race([once(server, "message"), ended]);
    server.send("status");
    const [status] = await answer;
    return status;
  };
  const [{ port }] = await Promise.race([once(server, "message"), ended]);
  return {
    name,
    pid: server.pid,
    url: `ws://127.0.0.1:${port}/ws/echo`,
    /** Uncaught exceptions and unhandled rejections so far. Rejects when the process has ended. */
    faults: async () => (await ask()).faults,
    /** Its memory in bytes, as the system sees it. Rejects when the process has ended. */
    rss: async () => (await ask()).rssBytes,
    close: () => server.disconnect(),
    /** Also when it hangs. */
    kill: () => server.kill("SIGKILL"),
  };
}
