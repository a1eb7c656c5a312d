import { spawn, type ChildProcessByStdio } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { text } from "node:stream/consumers";
import type { Cell } from "./cells.ts";
import { costOf } from "./driver/cost.ts";
import { dialects } from "./driver/dialect.ts";
import { RATE_PUBLISHERS, type Figures, type Job } from "./driver/job.ts";
import { PayloadFactory } from "./driver/payload.ts";
import { ServerProcess } from "./driver/server-process.ts";
import { CLIENTS_PROGRAM } from "./go-programs.ts";
import { pinned, type Cores } from "./processes.ts";

/** What the program says of its window, whose seconds end with the last delivery or connection. */
interface Told {
  readonly seconds: number;
  readonly driverUs: number;
  readonly closed: number;
}

interface ToldOfTraffic extends Told, Pick<Figures, "p50Ms" | "p99Ms" | "p999Ms" | "lost" | "disorders"> {
  readonly deliveries: number;
  readonly reads: number;
}

/** Whether the clients in Node would be what is measured, where there are others. */
export function isForGoClients({ load, workload }: Pick<Cell, "load" | "workload">): boolean {
  if (load.deflate) return false;
  return load.mode === "echo" || workload.kind === "connect" || (workload.kind === "rate" && workload.stopped > 0);
}

/** Runs a job with the clients in Go. @throws Error when the server refused them, or broke the protocol. */
export async function runGoClients(job: Job, { driver: core }: Pick<Cores, "driver">): Promise<Figures> {
  const clients = new GoClients(job, core);
  try {
    return job.workload.kind === "connect" ? await measureConnect(clients, job) : await measureTraffic(clients, job);
  } finally {
    await clients.end();
  }
}

async function measureConnect(clients: GoClients, job: Job): Promise<Figures> {
  const server = new ServerProcess(job.pid);
  await clients.next();
  const before = { server: server.cpu(), driverUs: 0 };
  const { seconds, driverUs, closed } = await clients.next<Told>();
  const opened = job.workload.kind === "connect" ? job.clients - job.workload.before : 0;
  return { ...costOf(before, { server: server.cpu(), driverUs }, opened, seconds), rssMb: server.rssBytes() / 1e6, lost: 0, disorders: 0, closed };
}

async function measureTraffic(clients: GoClients, job: Job): Promise<Figures> {
  const server = new ServerProcess(job.pid);
  await clients.next();
  const rssBefore = server.rssBytes();
  await clients.next();
  const before = { server: server.cpu(), driverUs: 0 };
  const { deliveries, reads, seconds, driverUs, ...told } = await clients.next<ToldOfTraffic>();
  const rss = server.rssBytes();
  const figures: Figures = {
    ...told,
    ...costOf(before, { server: server.cpu(), driverUs }, deliveries, seconds),
    perRead: deliveries / Math.max(1, reads),
    rssMb: rss / 1e6,
  };
  if (job.workload.kind !== "rate") return figures;
  const grown = { ...figures, rssGrowthMb: (rss - rssBefore) / 1e6 };
  return job.workload.stopped === 0 ? grown : { ...grown, stoppedClosed: await clients.next<number>() };
}

/** The process of the clients, which waits after each of its stages. */
class GoClients {
  readonly #child: ChildProcessByStdio<Writable, Readable, Readable>;
  readonly #lines: AsyncIterator<string>;
  readonly #errors: Promise<string>;
  #isWaiting = false;

  constructor(job: Job, core: number | undefined) {
    const [command, args] = pinned(core, CLIENTS_PROGRAM, [JSON.stringify(describe(job))]);
    // One thread, and none that takes its work over when the kernel keeps it for a moment.
    const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, GOMAXPROCS: "1" } });
    // A program that has ended says why in what it wrote last.
    child.stdin.on("error", () => {});
    this.#child = child;
    this.#errors = text(child.stderr);
    this.#lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  }

  /** Lets it go on. @returns what it says at the end of its next stage. @throws Error when it failed. */
  async next<T>(): Promise<T> {
    if (this.#isWaiting) this.#child.stdin.write("\n");
    this.#isWaiting = true;
    const { done, value } = await this.#lines.next();
    if (done === true) throw new Error((await this.#errors).trim());
    return JSON.parse(value) as T;
  }

  /** Its connections are reset. */
  async end(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill("SIGKILL");
    await once(this.#child, "exit");
  }
}

function describe({ workload, protocol, payloadBytes, port, clients, warmUpMs, windowMs }: Job): object {
  const dialect = dialects[protocol];
  const { message, stampAt } = new PayloadFactory(payloadBytes, dialect);
  return {
    port,
    target: dialect.target(undefined),
    socketIo: protocol === "socket.io",
    message: message.toString("latin1"),
    stampAt,
    clients,
    // What a closed workload says for itself.
    groups: 1,
    publishersPerGroup: RATE_PUBLISHERS,
    ...workload,
    warmUpMs,
    windowMs,
  };
}
