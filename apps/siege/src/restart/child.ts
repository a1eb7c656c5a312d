import { fork, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";

type Calls = Readonly<Record<string, (...args: never[]) => unknown>>;
type Reply = { readonly id: number; readonly result: unknown; readonly failure?: string };

interface Waiting {
  readonly resolve: (result: never) => void;
  readonly reject: (error: Error) => void;
}

/** A process of this program that takes the calls of `Api`. */
export class Child<Api extends Calls> {
  readonly #process: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;
  #ended: Error | undefined;

  private constructor(child: ChildProcess) {
    this.#process = child;
    child.on("message", ({ id, result, failure }: Reply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (failure === undefined) waiting?.resolve(result as never);
      else waiting?.reject(new Error(failure));
    });
    child.on("exit", (code, signal) => {
      this.#ended = new Error(`a process ended with ${code ?? signal}`);
      for (const { reject } of this.#waiting.values()) reject(this.#ended);
    });
  }

  /** Starts a program of this folder; it is there when `serve` has been called in it. @throws Error when it ends before that. */
  static async start<Api extends Calls>(program: string, settings: unknown): Promise<Child<Api>> {
    const args = [JSON.stringify(settings)];
    const child = fork(fileURLToPath(new URL(program, import.meta.url)), args, { execArgv: ["--disable-warning=UPWIRE_ALLOWED_HOSTS"] });
    const ended = once(child, "exit").then(([code, signal]) => Promise.reject(new Error(`${program} ended with ${code ?? signal}`)));
    await Promise.race([once(child, "message"), ended]);
    ended.catch(() => {});
    return new Child(child);
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

  /** Ends it as a machine that fails does: the process runs nothing of its own any more. */
  kill(): Promise<void> {
    return this.#gone(() => this.#process.kill("SIGKILL"));
  }

  /** Lets it end: `serve` ends the process when no caller is left. */
  stop(): Promise<void> {
    return this.#gone(() => this.#process.disconnect());
  }

  async #gone(end: () => void): Promise<void> {
    if (this.#ended !== undefined) return;
    const exit = once(this.#process, "exit");
    end();
    await exit;
  }
}

/** The settings that the process was started with, as `Child.start` was given them. */
export function settingsOfChild(): unknown {
  return JSON.parse(process.argv[2] ?? "{}");
}

/** Takes the calls of the process that started this one. */
export function serve(api: Calls): void {
  process.on("disconnect", () => process.exit());
  process.on("message", ({ id, name, args }: { id: number; name: string; args: never[] }) => {
    const answer = async (): Promise<unknown> => api[name]?.(...args);
    answer().then(
      (result) => process.send?.({ id, result }),
      (error: unknown) => process.send?.({ id, failure: error instanceof Error ? String(error.stack) : String(error) }),
    );
  });
  process.send?.("ready");
}
