import { setTimeout as sleep } from "node:timers/promises";
import { controlOf } from "../control.ts";
import { costOf, type Usage } from "./cost.ts";
import { Histogram } from "./histogram.ts";
import type { Figures, Job, Workload } from "./job.ts";
import { resumeDialects } from "./resume-dialect.ts";
import { inLanes, numberedText, ReturningCrowd } from "./returning.ts";
import { ServerProcess } from "./server-process.ts";

const AT_ONCE = 64;
const TEXTS_PER_CALL = 10_000;

/**
 * What a client costs that comes back and asks for what it missed: the server's CPU from the first subscribe frame to the
 * last message. Before that all clients have visited the topic and got one message each, they were cut off, the messages
 * came that they miss, and they are connected again. Opening is not in it: `connect` measures that.
 */
export async function measureResume(job: Job, { window, missed }: Extract<Workload, { kind: "resume" }>): Promise<Figures> {
  const dialect = resumeDialects[job.protocol];
  if (dialect === undefined) throw new Error(`clients of ${job.protocol} cannot come back`);
  const server = new ServerProcess(job.pid);
  const control = controlOf(job.controlPort ?? 0);
  const crowd = new ReturningCrowd(job.port, dialect, job.payloadBytes);
  const publish = async (from: number, to: number): Promise<void> => {
    for (let at = from; at < to; at += TEXTS_PER_CALL) {
      const count = Math.min(TEXTS_PER_CALL, to - at);
      await control.publish(Array.from({ length: count }, (_, i) => numberedText(at + i, job.payloadBytes)));
    }
  };
  try {
    const known = window - missed;
    await publish(0, known - 1);
    await crowd.connect(job.clients, AT_ONCE);
    await inLanes(job.clients, AT_ONCE, (index) => crowd.join(index, 0, -1));
    const heard = Promise.all(Array.from({ length: job.clients }, (_, index) => crowd.wait(index, known - 1, known - 1)));
    await publish(known - 1, known);
    await heard;
    crowd.leave();
    crowd.endFirstVisit();
    await sleep(job.warmUpMs);
    await publish(known, window);
    await crowd.connect(job.clients, AT_ONCE);
    await control.heap();
    return await comeBack(job, crowd, server, (index) => crowd.join(index, known, window - 1));
  } finally {
    crowd.leave();
  }
}

async function comeBack(job: Job, crowd: ReturningCrowd, server: ServerProcess, join: (index: number) => Promise<void>): Promise<Figures> {
  const waits = new Histogram();
  let failed = 0;
  const before = usageOf(server);
  const start = performance.now();
  await inLanes(job.clients, AT_ONCE, async (index) => {
    const asked = performance.now();
    try {
      await join(index);
      waits.add(performance.now() - asked);
    } catch {
      failed++;
    }
  });
  const seconds = (performance.now() - start) / 1000;
  return {
    ...costOf(before, usageOf(server), job.clients, seconds),
    p50Ms: waits.quantile(0.5),
    p99Ms: waits.quantile(0.99),
    rssMb: server.rssBytes() / 1e6,
    lost: failed,
    disorders: crowd.disorders,
    closed: 0,
  };
}

function usageOf(server: ServerProcess): Usage {
  const { user, system } = process.cpuUsage();
  return { server: server.cpu(), driverUs: user + system };
}
