import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { dialects } from "./driver/dialect.ts";
import type { Figures, Job } from "./driver/job.ts";
import { PayloadFactory } from "./driver/payload.ts";
import { ECHO_PROGRAM } from "./go-programs.ts";
import { pinned, type Cores } from "./processes.ts";

/** Runs an echo job with the clients in Go. @throws Error when the server refused them, or broke the protocol. */
export async function runEchoDriver(job: Job, { driver: core }: Pick<Cores, "driver">): Promise<Figures> {
  if (job.workload.kind !== "closed") throw new TypeError(`the echo driver has no workload "${job.workload.kind}"`);
  const dialect = dialects[job.protocol];
  const { message, stampAt } = new PayloadFactory(job.payloadBytes, dialect);
  const { port, pid, clients, warmUpMs, windowMs } = job;
  const described = {
    port,
    pid,
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
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, GOMAXPROCS: "1" } });
  const [output, errors, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "exit")]);
  if (code !== 0) throw new Error(errors.trim());
  return JSON.parse(output) as Figures;
}
