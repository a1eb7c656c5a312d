import { fork, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Action, ServerStatus } from "../contract.ts";
import type { ToLauncher, ToServer } from "../launcher-link.ts";
import { Part } from "./part.ts";

const program = fileURLToPath(new URL("../server.js", import.meta.url));

export interface ServerProcessOptions {
  readonly number: number;
  readonly framework: string;
  readonly port: number;
  readonly env: NodeJS.ProcessEnv;
  /** Each process of it, as soon as it runs. */
  readonly onStarted: (child: ChildProcess) => void;
  /** Its status is another one. */
  readonly onChange: () => void;
  /** A tab of this server asks for something. */
  readonly onAsked: (action: Action, server: number) => void;
}

/** One server: a process that ends and is started again, on the same port. */
export class ServerProcess {
  readonly #options: ServerProcessOptions;
  #part: Part | undefined;
  #status: ServerStatus;

  constructor(options: ServerProcessOptions) {
    this.#options = options;
    const { number, framework, port } = options;
    this.#status = { number, framework, port, state: "stopped" };
  }

  get status(): ServerStatus {
    return this.#status;
  }

  /** Settles when it listens. @throws Error with the last that it wrote, when it ends before. */
  async start(): Promise<void> {
    const { number, framework, port, env } = this.#options;
    const own = { SERVER_NUMBER: String(number), FRAMEWORK: framework, PORT: String(port), HOST: "127.0.0.1" };
    const child = fork(program, [], { env: { ...process.env, ...env, ...own }, stdio: ["ignore", "pipe", "pipe", "ipc"] });
    this.#options.onStarted(child);
    const part = (this.#part = new Part(`server ${number} (${framework})`, child));
    this.#change({ state: "starting", pid: child.pid, node: undefined });
    const listening = new Promise<void>((resolve) => {
      child.on("message", (message: ToLauncher) => {
        if ("asked" in message) this.#options.onAsked(message.asked.action, message.asked.server);
        else {
          this.#change({ state: "running", node: message.listening.node });
          resolve();
        }
      });
    });
    void part.ended.then(() => this.#change({ state: "stopped", pid: undefined, node: undefined }));
    await Promise.race([listening, part.ended.then((how) => Promise.reject(new Error(how)))]);
  }

  /** What the server is told of all. */
  tell(message: ToServer): void {
    if (this.#part?.child.connected) this.#part.child.send(message, () => {});
  }

  /** Clients are told to go elsewhere; settles when the process is gone. */
  async drain(): Promise<void> {
    this.#change({ state: "draining" });
    this.#part?.child.kill("SIGTERM");
    await this.#part?.ended;
  }

  /** As a machine that fails. */
  async kill(): Promise<void> {
    await this.#part?.stop("SIGKILL");
  }

  #change(change: { [Name in keyof ServerStatus]?: ServerStatus[Name] | undefined }): void {
    const { pid, node, ...status } = { ...this.#status, ...change } as ServerStatus;
    this.#status = { ...status, ...(pid !== undefined && { pid }), ...(node !== undefined && { node }) };
    this.#options.onChange();
  }
}
