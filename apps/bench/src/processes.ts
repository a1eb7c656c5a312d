import { fork, spawn, spawnSync, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { catalogue } from "./catalogue.ts";
import type { Figures, Job } from "./driver/job.ts";
import { GORILLA_PROGRAM } from "./go-programs.ts";
import type { Load } from "./rows/row.ts";

const NODE_PROGRAM = fileURLToPath(new URL("server.js", import.meta.url));
const DRIVER_PROGRAM = fileURLToPath(new URL("driver.js", import.meta.url));

/** A profile takes a moment to write; a server with seconds of work queued up is not waited for. */
const STOP_MS = 1500;

export interface RunningServer {
  readonly port: number;
  /** Of `serveControl`; a program in Go has none. */
  readonly controlPort?: number;
  readonly pid: number;
  stop(): Promise<void>;
}

/** Where processes may run: the server and the driver on a core each, if there are two and `taskset` exists. */
export class Cores {
  readonly server: number | undefined;
  readonly driver: number | undefined;

  constructor() {
    const list = /^Cpus_allowed_list:\s+(\S+)/m.exec(readFileSync("/proc/self/status", "utf8"))?.[1] ?? "";
    const allowed = list.split(",").flatMap((part) => {
      const [from = 0, to = from] = part.split("-").map(Number);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
    if (allowed.length < 2 || spawnSync("taskset", ["--version"]).status !== 0) return;
    [this.server, this.driver] = allowed;
  }

  get areApart(): boolean {
    return this.server !== undefined;
  }
}

export function pinned(core: number | undefined, command: string, args: readonly string[]): [string, string[]] {
  return core === undefined ? [command, [...args]] : ["taskset", ["-c", String(core), command, ...args]];
}

export interface ServerOptions {
  readonly cores: Cores;
  /** For the Node process of a row, such as `--cpu-prof`. */
  readonly nodeArguments: readonly string[];
}

/** @throws Error when it ends before it listens. */
export async function startServer(name: string, load: Load, { cores, nodeArguments }: ServerOptions): Promise<RunningServer> {
  const { goArguments } = catalogue[name] ?? {};
  const [command, args] =
    goArguments === undefined
      ? pinned(cores.server, process.execPath, [
          "--expose-gc",
          "--disable-warning=UPWIRE_ALLOWED_HOSTS",
          ...nodeArguments,
          NODE_PROGRAM,
          name,
          JSON.stringify(load),
        ])
      : pinned(cores.server, GORILLA_PROGRAM, [`-mode=${load.mode}`, `-deflate=${load.deflate}`, ...goArguments]);
  // One core for everybody: Go would otherwise use what pinning has not taken away.
  const env = { ...process.env, NODE_ENV: "production", GOMAXPROCS: "1" };
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"], env });
  const ended = once(child, "exit").then(([code, signal]) => {
    throw new Error(`the server ${name} ended with ${String(code ?? signal)}`);
  });
  ended.catch(() => {});
  const listening = once(createInterface(child.stdout), "line");
  const [line] = (await Promise.race([listening, ended])) as [string];
  const [, port, controlPort] = /^listening on (\d+)(?:, control on (\d+))?$/.exec(line) ?? [];
  return {
    port: Number(port),
    ...(controlPort !== undefined && { controlPort: Number(controlPort) }),
    pid: child.pid ?? 0,
    async stop() {
      // Its stdin ends it.
      child.stdin.end();
      const timer = setTimeout(() => child.kill("SIGKILL"), STOP_MS);
      await ended.catch(() => {});
      clearTimeout(timer);
    },
  };
}

/** The process of the clients. */
export class Driver {
  readonly #child: ChildProcess;

  constructor({ driver: core }: Cores) {
    const [execPath, execArgv] = pinned(core, process.execPath, []);
    this.#child = fork(DRIVER_PROGRAM, { execPath, execArgv });
  }

  /** @throws Error when the server refused clients, or the driver itself ended. */
  async run(job: Job): Promise<Figures> {
    const ended = new AbortController();
    const onExit = (): void => ended.abort(new Error("the driver ended"));
    this.#child.once("exit", onExit);
    try {
      const answered = once(this.#child, "message", { signal: ended.signal });
      this.#child.send(job);
      const [answer] = (await answered) as [{ readonly figures?: Figures; readonly error?: string }];
      if (answer.figures === undefined) throw new Error(answer.error);
      return answer.figures;
    } finally {
      this.#child.off("exit", onExit);
    }
  }

  stop(): void {
    this.#child.disconnect();
  }
}
