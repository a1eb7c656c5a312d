import { spawn, type ChildProcess } from "node:child_process";

/** How much of what a program writes is kept for the case that it ends. UTF-16 code units. */
const MAX_KEPT = 2000;
/** A program that does not end when it is asked to is killed. Milliseconds. */
const GRACE_MS = 3000;

/** A process that the launcher has started, and ends by its id. */
export class Part {
  readonly name: string;
  readonly child: ChildProcess;
  /** Fulfils when the process has ended, with how and with the last that it wrote. */
  readonly ended: Promise<string>;
  #hasEnded = false;
  #written = "";

  constructor(name: string, child: ChildProcess) {
    this.name = name;
    this.child = child;
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#written = (this.#written + text).slice(-MAX_KEPT)));
    }
    this.ended = new Promise((resolve) => {
      child.once("error", (error) => resolve(this.#end(error.message)));
      child.once("close", (code, signal) => resolve(this.#end(`ended with ${signal ?? code}`)));
    });
  }

  /** A program that is not ours. */
  static run(program: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Part {
    const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ["ignore", "pipe", "pipe"] });
    return new Part(program.split("/").at(-1) ?? program, child);
  }

  get isRunning(): boolean {
    return !this.#hasEnded;
  }

  /** Ends the process, and settles when it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<void> {
    if (this.#hasEnded) return;
    this.child.kill(signal);
    const killing = setTimeout(() => this.child.kill("SIGKILL"), GRACE_MS);
    await this.ended;
    clearTimeout(killing);
  }

  #end(how: string): string {
    this.#hasEnded = true;
    return [`${this.name} ${how}`, this.#written.trim()].filter(Boolean).join("\n");
  }
}
