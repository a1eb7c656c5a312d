import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("./guard-process.js", import.meta.url));

/** Ends processes, and removes a folder, when this process ends without doing so: killed with -9, say. */
export class Guard {
  readonly #child: ChildProcess;

  constructor(folder: string) {
    // In a process group of its own: what ends the whole group of the launcher leaves it.
    this.#child = spawn(process.execPath, [program, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
    // A guard that was ended guards no more; the launcher goes on.
    this.#child.on("error", () => {});
    this.#child.stdin?.on("error", () => {});
  }

  watch(child: ChildProcess): void {
    if (child.pid === undefined) return;
    this.#tell(`+${child.pid}`);
    child.once("exit", () => this.#tell(`-${child.pid}`));
  }

  /** Ends the guard, and what it still watches. */
  async close(): Promise<void> {
    const { exitCode, signalCode, pid } = this.#child;
    if (pid === undefined || exitCode !== null || signalCode !== null) return;
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
  }

  #tell(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }
}
