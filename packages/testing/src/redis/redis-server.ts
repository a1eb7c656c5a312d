import { execFile, spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { freePort, retryTaken } from "./free-port.ts";

export interface RedisServerOptions {
  /** What survives `kill9`: nothing, all but the last second, all that was acknowledged. @default "no" */
  readonly appendonly?: "no" | "everysec" | "always";
  /** More of its configuration, for example `["--maxmemory", "10mb"]`. */
  readonly args?: readonly string[];
  /** @default a free one */
  readonly port?: number;
  /** For `cli`, of a server that wants it. */
  readonly password?: string;
}

const STARTS_WITHIN_MS = 15_000;
const run = promisify(execFile);

/** A Redis server of its own on 127.0.0.1, in a temporary folder. `close` ends it and removes the folder. */
export class RedisServer {
  readonly port: number;
  readonly folder: string;
  readonly #args: readonly string[];
  readonly #password: string | undefined;
  readonly #onExit: () => void = () => void this.#child?.kill("SIGKILL");
  #child: ChildProcess | undefined;
  #isStopped = false;

  private constructor(port: number, { appendonly = "no", args = [], password }: RedisServerOptions) {
    this.port = port;
    this.folder = mkdtempSync(join(tmpdir(), "upwire-redis-"));
    this.#password = password;
    const own = { port, bind: "127.0.0.1", dir: this.folder, save: "", appendfsync: appendonly === "no" ? "everysec" : appendonly };
    const ownArgs = Object.entries({ ...own, appendonly: appendonly === "no" ? "no" : "yes" });
    this.#args = [...ownArgs.flatMap(([name, value]) => [`--${name}`, String(value)]), ...args];
    process.once("exit", this.#onExit);
  }

  /** Fulfils when it answers commands. */
  static start(options: RedisServerOptions = {}): Promise<RedisServer> {
    const { port } = options;
    return port === undefined ? retryTaken(async () => RedisServer.#startOn(await freePort(), options)) : RedisServer.#startOn(port, options);
  }

  static async #startOn(port: number, options: RedisServerOptions): Promise<RedisServer> {
    const server = new RedisServer(port, options);
    try {
      await server.restart();
      return server;
    } catch (error) {
      await server.close();
      throw error;
    }
  }

  /** Without a user or a password. */
  get url(): string {
    return `redis://127.0.0.1:${this.port}`;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  /** Neither killed nor stopped. */
  get isRunning(): boolean {
    return this.#child !== undefined && !this.#isStopped;
  }

  /** As when the machine loses power, but for what the system has in its files already. Fulfils when it is gone. */
  async kill9(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#isStopped = false;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGKILL");
    await gone;
  }

  /** Freezes it: its connections stay, and nothing is answered. */
  stop(): void {
    this.#isStopped = true;
    this.#child?.kill("SIGSTOP");
  }

  /** Ends `stop`. */
  cont(): void {
    this.#isStopped = false;
    this.#child?.kill("SIGCONT");
  }

  /** Starts it again with its data, on its port; kills it first where it runs. Fulfils when it answers, having loaded its data. */
  async restart(): Promise<void> {
    await this.kill9();
    const child = spawn("redis-server", this.#args, { stdio: ["ignore", "pipe", "pipe"] });
    this.#child = child;
    const lines: string[] = [];
    let timer: NodeJS.Timeout | undefined;
    await new Promise<void>((resolve, reject) => {
      const fail = (what: string): void => reject(new Error(`redis-server ${what}:\n${lines.slice(-10).join("\n")}`));
      timer = setTimeout(() => fail(`did not start within ${STARTS_WITHIN_MS} ms`), STARTS_WITHIN_MS);
      child.once("error", reject);
      // Both are read to their ends, or the server would wait for room in the pipe; `close` follows the last line.
      child.once("close", (code, signal) => fail(`ended with ${code ?? signal}`));
      for (const input of [child.stdout, child.stderr]) {
        createInterface({ input }).on("line", (line) => {
          lines.push(line);
          if (lines.length > 50) lines.shift();
          if (line.includes("Ready to accept connections")) resolve();
        });
      }
    }).finally(() => clearTimeout(timer));
  }

  /** Runs one command with redis-cli and returns what it prints. @throws Error when the answer is one. */
  async cli(...command: readonly (string | number)[]): Promise<string> {
    const password = this.#password === undefined ? [] : ["--no-auth-warning", "-a", this.#password];
    const { stdout } = await run("redis-cli", ["-e", "-p", String(this.port), ...password, ...command.map(String)]);
    return stdout.trimEnd();
  }

  async close(): Promise<void> {
    process.off("exit", this.#onExit);
    await this.kill9();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Starts a Redis server of its own on a free port of 127.0.0.1, and waits until it answers. The test must `close` it. */
export function startRedis(options: RedisServerOptions = {}): Promise<RedisServer> {
  return RedisServer.start(options);
}
