import { fork, type ChildProcess } from "node:child_process";
import cluster from "node:cluster";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

type Calls = Readonly<Record<string, (...args: never[]) => unknown>>;

type FromChild =
  | { readonly kind: "ready" }
  | { readonly kind: "reply"; readonly id: number; readonly result?: unknown; readonly failure?: string }
  | { readonly kind: "note"; readonly note: unknown };

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

export interface ChildOptions {
  /** What the process says by itself, with `note`. */
  readonly onNote?: (note: never) => void;
  /** It ended, and this side had not asked for it. */
  readonly onExit?: (how: string) => void;
  readonly nodeArguments?: readonly string[];
  /** As a worker of `node:cluster`, of which this process is the primary. @default a process of its own */
  readonly kind?: "process" | "worker";
}

type ToChild = { readonly id: number; readonly name: string; readonly args: never[] } | { readonly told: unknown };

/** A program in a process of its own that takes the calls of `Api`. */
export class Child<Api extends Calls> {
  readonly pid: number;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;
  #isAsked = false;

  private constructor(child: ChildProcess, { onNote, onExit }: ChildOptions) {
    this.#process = child;
    this.pid = child.pid ?? 0;
    child.on("message", (message: FromChild) => {
      if (message.kind === "note") onNote?.(message.note as never);
      if (message.kind === "reply") this.#settle(message);
    });
    child.on("exit", (code, signal) => {
      const how = String(code ?? signal);
      this.#ended = new Error(`a process ended with ${how}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
      if (!this.#isAsked) onExit?.(how);
    });
  }

  /** Starts a built program, which is there when `serve` was called in it. @throws Error when it ends before that. */
  static async start<Api extends Calls>(program: URL, settings: unknown, options: ChildOptions = {}): Promise<Child<Api>> {
    const path = fileURLToPath(program);
    const execArgv = ["--disable-warning=UPWIRE_ALLOWED_HOSTS", ...(options.nodeArguments ?? [])];
    const args = [JSON.stringify(settings)];
    const child = options.kind === "worker" ? forkWorker(path, args, execArgv) : fork(path, args, { execArgv });
    const started = new Child<Api>(child, options);
    const ended = once(child, "exit").then(([code, signal]) => Promise.reject(new Error(`${path} ended with ${code ?? signal}`)));
    const ready = new Promise<void>((resolve) => {
      child.on("message", ({ kind }: FromChild) => kind === "ready" && resolve());
    });
    await Promise.race([ready, ended]);
    ended.catch(() => {});
    return started;
  }

  /** Settles with what the call returns there. @throws Error for what it throws there, or when the process ends before. */
  call<Name extends keyof Api & string>(name: Name, ...args: Parameters<Api[Name]>): Promise<Awaited<ReturnType<Api[Name]>>> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      const id = ++this.#calls;
      this.#waiting.set(id, { resolve, reject });
      this.#process.send({ id, name, args });
    });
  }

  /** Gives it a value for its `onTold`, and waits for nothing. */
  tell(value: unknown): void {
    if (this.#ended === undefined) this.#process.send({ told: value });
  }

  /** The process stands still, and its sockets stay open. */
  freeze(): void {
    this.#process.kill("SIGSTOP");
  }

  thaw(): void {
    this.#process.kill("SIGCONT");
  }

  /** Ends it as a machine that fails does: it runs nothing of its own any more. */
  kill(): Promise<void> {
    return this.#gone(() => this.#process.kill("SIGKILL"));
  }

  /** Lets it end: `serve` ends the process when no caller is left. */
  stop(): Promise<void> {
    return this.#gone(() => this.#process.disconnect());
  }

  #settle({ id, result, failure }: Extract<FromChild, { kind: "reply" }>): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (failure === undefined) waiting?.resolve(result as never);
    else waiting?.reject(new Error(failure));
  }

  async #gone(end: () => void): Promise<void> {
    if (this.#ended !== undefined) return;
    this.#isAsked = true;
    const exit = once(this.#process, "exit");
    end();
    await exit;
  }
}

function forkWorker(exec: string, args: string[], execArgv: string[]): ChildProcess {
  cluster.setupPrimary({ exec, args, execArgv });
  return cluster.fork().process;
}

/** The settings that the process was started with, as `Child.start` was given them. */
export function settingsOfChild(): unknown {
  return JSON.parse(process.argv[2] ?? "{}");
}

/** Tells the process that started this one. */
export function note(value: unknown): void {
  tell({ kind: "note", note: value });
}

/** Calls `listener` with each value of `Child.tell`. */
export function onTold(listener: (value: never) => void): void {
  process.on("message", (message: ToChild) => {
    if ("told" in message) listener(message.told as never);
  });
}

/** Takes the calls of the process that started this one. */
export function serve(api: Calls): void {
  process.on("disconnect", () => process.exit());
  // The caller ended while this process was starting.
  if (!process.connected) process.exit();
  process.on("message", (message: ToChild) => {
    if ("told" in message) return;
    const { id, name, args } = message;
    const answer = async (): Promise<unknown> => api[name]?.(...args);
    answer().then(
      (result) => tell({ kind: "reply", id, result }),
      (error: unknown) => tell({ kind: "reply", id, failure: error instanceof Error ? String(error.stack) : String(error) }),
    );
  });
  tell({ kind: "ready" });
}

function tell(message: FromChild): void {
  if (process.connected) process.send?.(message);
}
