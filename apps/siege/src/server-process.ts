import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { BroadcastPlan, Overdue, Peaks, ServerApi, ServerOptions, ServerStats } from "./server-api.ts";

const program = fileURLToPath(new URL("server.js", import.meta.url));

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** One server in a process of its own, so that it has a core for itself and its memory is its own. */
export class ServerProcess implements ServerApi {
  readonly port: number;
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.port = port;
    child.on("message", ({ id, result }: { id: number; result: never }) => {
      this.#waiting.get(id)?.resolve(result);
      this.#waiting.delete(id);
    });
    child.on("exit", (code, signal) => {
      this.#ended = new Error(`the process of the server ended with ${code ?? signal}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  /** @throws Error when it ends before it listens. */
  static async start(name: string, options: ServerOptions = {}): Promise<ServerProcess> {
    const child = fork(program, [name, JSON.stringify(options)], { execArgv: ["--expose-gc"], stdio: ["ignore", "ignore", "inherit", "ipc"] });
    const ended = once(child, "exit").then(([code, signal]) => Promise.reject(new Error(`the server ${name} ended with ${code ?? signal}`)));
    const [{ port }] = (await Promise.race([once(child, "message"), ended])) as [{ port: number }];
    ended.catch(() => {});
    return new ServerProcess(child, port);
  }

  /** Ends the process. */
  async stop(): Promise<void> {
    if (this.#ended !== undefined) return;
    const exit = once(this.#child, "exit");
    this.#child.disconnect();
    await exit;
  }

  /** The figures once the last sockets are gone, or after 10 s if some stay. */
  async quiet(): Promise<ServerStats> {
    for (let tries = 0; tries < 100 && (await this.stats(false)).sockets > 0; tries++) await delay(100);
    return this.stats(true);
  }

  stats(withGc: boolean): Promise<ServerStats> {
    return this.#call("stats", withGc);
  }

  watch(): Promise<void> {
    return this.#call("watch");
  }

  watchTurns(): Promise<void> {
    return this.#call("watchTurns");
  }

  peaks(): Promise<Peaks> {
    return this.#call("peaks");
  }

  watchQueues(): Promise<void> {
    return this.#call("watchQueues");
  }

  overdue(): Promise<readonly Overdue[]> {
    return this.#call("overdue");
  }

  broadcast(plan: BroadcastPlan): Promise<void> {
    return this.#call("broadcast", plan);
  }

  closeAll(): Promise<void> {
    return this.#call("closeAll");
  }

  #call<Result>(call: keyof ServerApi, ...args: readonly unknown[]): Promise<Result> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = ++this.#calls;
      this.#waiting.set(id, { resolve, reject });
      this.#child.send({ id, call, args });
    });
  }
}
