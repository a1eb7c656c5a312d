import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { costOf } from "./driver/cost.ts";
import { dialects } from "./driver/dialect.ts";
import type { Figures, Job } from "./driver/job.ts";
import { PayloadFactory } from "./driver/payload.ts";
import { ServerProcess } from "./driver/server-process.ts";
import { ECHO_PROGRAM } from "./go-programs.ts";
import { pinned, type Cores } from "./processes.ts";

/** What the program says of the window. */
interface Told extends Pick<Figures, "p50Ms" | "p99Ms" | "p999Ms" | "lost" | "disorders" | "closed"> {
  readonly deliveries: number;
  readonly reads: number;
  /** Until the last delivery: not the wait for what never came. */
  readonly seconds: number;
  /** CPU that it has used so far. */
  readonly driverUs: number;
}

/** Runs an echo job with the clients in Go. @throws Error when the server refused them, or broke the protocol. */
export async function runEchoDriver(job: Job, { driver: core }: Pick<Cores, "driver">): Promise<Figures> {
  if (job.workload.kind !== "closed") throw new TypeError(`the echo driver has no workload "${job.workload.kind}"`);
  const dialect = dialects[job.protocol];
  const { message, stampAt } = new PayloadFactory(job.payloadBytes, dialect);
  const { port, pid, clients, warmUpMs, windowMs } = job;
  const described = {
    port,
    target: dialect.target(undefined),
    socketIo: job.protocol === "socket.io",
    message: message.toString("latin1"),
    stampAt,
    clients,
    inFlight: job.workload.inFlight,
    warmUpMs,
    windowMs,
  };
  const [command, args] = pinned(core, ECHO_PROGRAM, [JSON.stringify(described)]);
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"], env: { ...process.env, GOMAXPROCS: "1" } });
  const errors = text(child.stderr);
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async (): Promise<string> => {
    const { done, value } = await lines.next();
    if (done === true) throw new Error((await errors).trim());
    return value;
  };
  const server = new ServerProcess(pid);
  // It says when it is warm and silent, and goes on when it is told to.
  const driverUs = Number(await next());
  const before = { server: server.cpu(), driverUs };
  child.stdin.end("\n");
  const { deliveries, reads, seconds, driverUs: driverUsAfter, ...figures } = JSON.parse(await next()) as Told;
  return {
    ...figures,
    ...costOf(before, { server: server.cpu(), driverUs: driverUsAfter }, deliveries, seconds),
    perRead: deliveries / Math.max(1, reads),
    rssMb: server.rssBytes() / 1e6,
  };
}
