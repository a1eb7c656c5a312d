import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../../..", import.meta.url));

interface Waiter {
  readonly pattern: RegExp;
  readonly resolve: (match: RegExpExecArray) => void;
  readonly reject: (error: Error) => void;
}

/** A child process whose output can be awaited. */
export class Program {
  readonly child: ChildProcess;
  /** What it wrote so far, to stdout and stderr. */
  output = "";
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  #hasExited = false;
  readonly #waiters = new Set<Waiter>();

  constructor(command: string, args: readonly string[], env: NodeJS.ProcessEnv = {}) {
    // A process group of its own, so that a test can press Ctrl-C on all of it, and leave nothing behind.
    this.child = spawn(command, args, { cwd: root, env: { ...process.env, ...env }, detached: true });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => {
        this.output += text;
        this.#check();
      });
    }
    this.exited = new Promise((resolve) => {
      // `close` and not `exit`: then its output is complete.
      this.child.on("close", (code, signal) => {
        this.#hasExited = true;
        this.#check();
        resolve({ code, signal });
      });
    });
  }

  /** Waits for `pattern` in the output, earlier or later. @throws Error when the process ends without it. */
  wrote(pattern: RegExp): Promise<RegExpExecArray> {
    return new Promise((resolve, reject) => {
      this.#waiters.add({ pattern, resolve, reject });
      this.#check();
    });
  }

  writeLine(line: string): void {
    this.child.stdin?.write(`${line}\n`);
  }

  /** What the terminal does on Ctrl-C: a signal to the whole group. */
  signalGroup(signal: NodeJS.Signals): void {
    try {
      process.kill(-this.child.pid!, signal);
    } catch {
      // Nobody is left in it.
    }
  }

  #check(): void {
    for (const waiter of this.#waiters) {
      const match = waiter.pattern.exec(this.output);
      if (match === null && !this.#hasExited) continue;
      this.#waiters.delete(waiter);
      if (match) waiter.resolve(match);
      else waiter.reject(new Error(`ended without writing ${waiter.pattern}:\n${this.output}`));
    }
  }
}
