// All parts of the demo: a broker, three servers on three frameworks, and what one address is for all three.
import type { Broker } from "@upwire/cluster/broker";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Action, ServerStatus } from "../contract.ts";
import { refusalOf } from "../launcher-link.ts";
import { Front } from "./front.ts";
import { Guard } from "./guard.ts";
import { startHome } from "./home.ts";
import type { Part } from "./part.ts";
import { checkFree, freePort, untilOpen } from "./ports.ts";
import { findProgram } from "./programs.ts";
import { startProxy } from "./proxy.ts";
import { startRedis } from "./redis.ts";
import { ServerProcess } from "./server-process.ts";
import type { BrokerKind, ProxyKind } from "./settings.ts";

const FRAMEWORKS = ["express", "fastify", "hono"];

export interface ClusterOptions {
  readonly broker: BrokerKind;
  readonly proxy: ProxyKind;
  /** 0 takes a free one. */
  readonly port: number;
  /** Who keeps the histories of a mesh: the launcher, so that a killed server takes none along, or the oldest server. @default "launcher" */
  readonly home?: "launcher" | "server";
  /** What happens, a line each. */
  readonly onEvent?: (line: string) => void;
  /** A part has ended that nothing has asked to: the cluster is of no use any more. */
  readonly onFailure?: (how: string) => void;
}

export class Cluster {
  readonly #options: ClusterOptions;
  readonly #folder = mkdtempSync(join(tmpdir(), "upwire-cluster-"));
  readonly #parts: Part[] = [];
  readonly #servers: ServerProcess[] = [];
  #guard: Guard | undefined;
  #home: Broker | undefined;
  #front: Front | undefined;
  #port = 0;
  #isStopping = false;

  constructor(options: ClusterOptions) {
    this.#options = options;
  }

  /** @throws SettingsError for a missing program. @throws Error for a part that does not start. Then nothing of it is left. */
  async start(): Promise<void> {
    try {
      await this.#start();
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  /** What a browser opens. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}/`;
  }

  get servers(): ServerStatus[] {
    return this.#servers.map(({ status }) => status);
  }

  /** What runs beside the servers. */
  get programs(): { readonly name: string; readonly pid: number | undefined }[] {
    return this.#parts.map(({ name, child: { pid } }) => ({ name, pid }));
  }

  /** Settles when it is done. What cannot be done now is ignored. */
  async control(action: Action, number: number): Promise<void> {
    const server = this.#servers.find(({ status }) => status.number === number);
    if (server === undefined || refusalOf(action, number, this.servers) !== undefined) return;
    const name = `server ${number} (${server.status.framework})`;
    const { onEvent = () => {} } = this.#options;
    onEvent(`${name}: ${action}`);
    if (action === "start") {
      await server.start().then(
        () => onEvent(`${name} is there again`),
        (error: Error) => onEvent(error.message),
      );
    } else {
      await server[action]();
      onEvent(`${name} has ended`);
    }
  }

  /** Ends all that was started, by its id; also while it starts. */
  async stop(): Promise<void> {
    this.#isStopping = true;
    this.#front?.stop();
    // The proxy first, then no client comes back to a server that ends.
    for (const part of this.#parts.toReversed()) await part.stop();
    await Promise.all(this.#servers.map((server) => server.kill()));
    await this.#home?.close();
    await this.#guard?.close();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #start(): Promise<void> {
    const { broker, proxy, port, home = "launcher" } = this.#options;
    // What is missing is said before anything starts.
    if (port !== 0) await checkFree(port);
    if (proxy !== "none") findProgram(proxy);
    this.#guard = new Guard(this.#folder);
    const env = broker === "redis" ? { REDIS_URL: await this.#startRedis() } : { MESH_FOLDER: join(this.#folder, "mesh") };
    if (env.MESH_FOLDER !== undefined && home === "launcher") this.#home = await startHome(env.MESH_FOLDER);
    await this.#startServers(proxy === "none" ? env : { ...env, TRUST_PROXY: "1" });
    if (proxy === "none") {
      this.#front = await Front.start(port, () => this.servers.map((server) => ({ port: server.port, isOpen: server.state === "running" })));
      this.#port = this.#front.port;
      return;
    }
    this.#port = port || (await freePort());
    const part = startProxy(proxy, join(this.#folder, proxy), { listen: this.#port, servers: this.servers.map((server) => server.port) });
    this.#guard?.watch(part.child);
    this.#keep(part);
    await untilOpen(this.#port);
  }

  async #startRedis(): Promise<string> {
    const { part, url } = await startRedis(join(this.#folder, "redis"), (child) => this.#guard?.watch(child));
    this.#keep(part);
    return url;
  }

  async #startServers(env: NodeJS.ProcessEnv): Promise<void> {
    const onChange = (): void => {
      for (const server of this.#servers) server.tell({ servers: this.servers });
    };
    const onAsked = (action: Action, server: number): void => void this.control(action, server);
    for (const [index, framework] of FRAMEWORKS.entries()) {
      const onStarted = (child: ChildProcess): void => this.#guard?.watch(child);
      const options = { number: index + 1, framework, port: await freePort(), onChange, onAsked, onStarted };
      this.#servers.push(new ServerProcess({ ...options, env: { ...env, ALLOWED_HOSTS: "localhost,127.0.0.1" } }));
    }
    if (this.#isStopping) throw new Error("stopped while it starts");
    await Promise.all(this.#servers.map((server) => server.start()));
  }

  #keep(part: Part): void {
    this.#parts.push(part);
    if (this.#isStopping) void part.stop();
    void part.ended.then((how) => {
      if (!this.#isStopping) this.#options.onFailure?.(how);
    });
  }
}
