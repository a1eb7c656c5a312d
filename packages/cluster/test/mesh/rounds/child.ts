import { fork, type ChildProcess } from "node:child_process";
import type { Order, Report, Word } from "./talk.ts";

/** A node in a process of its own, as the conductor of a round sees it. */
export class Child {
  readonly index: number;
  /** Of topics with history: `topic/publisher:number` of what was acknowledged. */
  readonly kept: Set<string> = new Set();
  /** Of topics without. */
  readonly plain: Set<string> = new Set();
  readonly failures: string[] = [];
  node = "";
  hasEnded = false;
  wasKilled = false;
  readonly #process: ChildProcess;
  readonly #waiting = new Map<Word["say"], (word: Word) => void>();

  constructor(program: string, index: number) {
    this.index = index;
    this.#process = fork(program, [], { serialization: "advanced", stdio: ["ignore", "inherit", "inherit", "ipc"] });
    this.#process.on("message", (word: Word) => this.#hear(word));
    this.#process.once("exit", (code, signal) => {
      this.hasEnded = true;
      if (code !== 0 && signal !== "SIGKILL") this.failures.push(`node ${index} ended with ${code ?? signal}`);
      for (const done of this.#waiting.values()) done({ say: "closed" });
    });
  }

  order(order: Order): void {
    if (this.#process.connected) this.#process.send(order);
  }

  async start(folder: string, topics: number, perSecond: number): Promise<void> {
    const up = this.#next("up");
    this.order({ do: "start", index: this.index, folder, topics, perSecond });
    const word = await up;
    if (word.say === "up") this.node = word.node;
  }

  async close(): Promise<void> {
    const closed = this.#next("closed");
    this.order({ do: "close" });
    await closed;
  }

  async report(): Promise<Report | undefined> {
    const report = this.#next("report");
    this.order({ do: "report" });
    const word = await report;
    return word.say === "report" ? word : undefined;
  }

  signal(signal: "SIGKILL" | "SIGSTOP" | "SIGCONT"): void {
    if (signal === "SIGKILL") this.wasKilled = true;
    this.#process.kill(signal);
  }

  /** Ends the process, if it has not ended. */
  async end(): Promise<void> {
    if (this.hasEnded) return;
    const ended = new Promise((resolve) => this.#process.once("exit", resolve));
    this.#process.kill("SIGKILL");
    await ended;
  }

  #next(say: Word["say"]): Promise<Word> {
    if (this.hasEnded) return Promise.resolve({ say: "closed" });
    return new Promise((resolve) => void this.#waiting.set(say, resolve));
  }

  #hear(word: Word): void {
    if (word.say === "acknowledged") {
      for (const [topic, number] of word.kept) this.kept.add(`${topic}/${this.index}:${number}`);
      for (const [topic, number] of word.plain) this.plain.add(`${topic}/${this.index}:${number}`);
    } else if (word.say === "failed") this.failures.push(word.why);
    const done = this.#waiting.get(word.say);
    this.#waiting.delete(word.say);
    done?.(word);
  }
}
