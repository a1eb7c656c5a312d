import { setTimeout as sleep } from "node:timers/promises";
import { Histogram } from "./histogram.ts";
import type { Figures, Job, Workload } from "./job.ts";
import { ServerProcess } from "./server-process.ts";
import { Swarm } from "./swarm.ts";
import { Traffic } from "./traffic.ts";

const MB = 1e6;
/** So long without a delivery, and what is missing counts as lost. Far longer than a busy machine makes anybody wait. */
const SILENCE_MS = 10_000;
const RATE_PUBLISHERS = 16;
/** Messages that a talking client gets before it falls silent. */
const SMALL_TALK = 30;

type Of<Kind extends Workload["kind"]> = Extract<Workload, { readonly kind: Kind }>;

/** Runs one measurement against a server that listens. @throws Error when it refuses clients. */
export async function measure(job: Job): Promise<Figures> {
  const swarm = new Swarm(job);
  try {
    return await measureWith(swarm, job);
  } finally {
    swarm.disconnect();
  }
}

function measureWith(swarm: Swarm, job: Job): Promise<Figures> {
  const { workload } = job;
  const server = new ServerProcess(job.pid);
  if (workload.kind === "closed") return measureClosed(job, workload, swarm, server);
  if (workload.kind === "rate") return measureRate(job, workload, swarm, server);
  if (workload.kind === "idle") return measureIdle(job, workload, swarm, server);
  return measureConnect(job, swarm, server);
}

async function measureClosed(job: Job, workload: Of<"closed">, swarm: Swarm, server: ServerProcess): Promise<Figures> {
  const { groups, publishersPerGroup, inFlight } = workload;
  await swarm.connect(job.clients);
  const latencies = new Histogram();
  const traffic = new Traffic({ clients: job.clients, groups, publishersPerGroup, outstanding: inFlight }, latencies);
  swarm.talk(traffic);
  let isRunning = false;
  traffic.onComplete = (publisher) => {
    if (isRunning) swarm.send(publisher, performance.now());
  };
  return windowOf(job, swarm, traffic, latencies, server, {
    start() {
      isRunning = true;
      for (let publisher = 0; publisher < traffic.publishers; publisher++) {
        for (let i = 0; i < inFlight; i++) swarm.send(publisher, performance.now());
      }
      swarm.flush();
    },
    stop: () => void (isRunning = false),
  });
}

async function measureRate(job: Job, workload: Of<"rate">, swarm: Swarm, server: ServerProcess): Promise<Figures> {
  await swarm.connect(job.clients);
  const reading = job.clients - workload.stopped;
  for (const client of swarm.clients.slice(reading)) client.stopReading();
  const seconds = (job.warmUpMs + job.windowMs) / 1000;
  const latencies = new Histogram();
  // Room for every message of the run: a server that falls behind may have all of them outstanding.
  const outstanding = Math.ceil((2 * seconds * workload.perSecond) / RATE_PUBLISHERS) + 64;
  const traffic = new Traffic({ clients: reading, groups: 1, publishersPerGroup: RATE_PUBLISHERS, outstanding }, latencies);
  swarm.talk(traffic);
  const rssBefore = server.rssBytes();
  let timer: NodeJS.Timeout | undefined;
  const figures = await windowOf(job, swarm, traffic, latencies, server, {
    start() {
      const start = performance.now();
      let sent = 0;
      const dueAt = (): number => start + (sent * 1000) / workload.perSecond;
      timer = setInterval(() => {
        for (; dueAt() <= performance.now(); sent++) swarm.send(sent % RATE_PUBLISHERS, dueAt());
        swarm.flush();
      }, 1);
    },
    stop: () => clearInterval(timer),
  });
  const rssGrowthMb = (figures.rssMb * MB - rssBefore) / MB;
  return { ...figures, rssGrowthMb, stoppedClosed: swarm.goneFrom(reading) };
}

interface Sending {
  start(): void;
  stop(): void;
}

/**
 * Warm-up, then the window. Both end when everything has arrived: with 64,000 deliveries under way, a window cut out of a
 * run would count what was written before it.
 */
async function windowOf(job: Job, swarm: Swarm, traffic: Traffic, latencies: Histogram, server: ServerProcess, sending: Sending): Promise<Figures> {
  const sendFor = async (ms: number): Promise<void> => {
    sending.start();
    await sleep(ms);
    sending.stop();
    await drained(traffic);
  };
  await sendFor(job.warmUpMs);
  const before = lookAt(swarm, traffic, server);
  traffic.openWindow();
  await sendFor(job.windowMs);
  const after = lookAt(swarm, traffic, server);

  const deliveries = after.deliveries - before.deliveries;
  // Not the wait for what never came.
  const seconds = (traffic.now - before.at) / 1000;
  return {
    cpuUs: (after.server.totalUs - before.server.totalUs) / deliveries,
    userUs: (after.server.userUs - before.server.userUs) / deliveries,
    perSecond: deliveries / seconds,
    p50Ms: latencies.quantile(0.5),
    p99Ms: latencies.quantile(0.99),
    p999Ms: latencies.quantile(0.999),
    perRead: deliveries / Math.max(1, after.reads - before.reads),
    rssMb: server.rssBytes() / MB,
    ...(swarm.compressedBytes === undefined ? {} : { compressedBytes: swarm.compressedBytes }),
    lost: traffic.lost + traffic.outstanding,
    disorders: traffic.disorders,
    closed: traffic.goneClients,
    ...sharesOf(before, after, seconds),
  };
}

interface Sight {
  readonly at: number;
  readonly server: ReturnType<ServerProcess["cpu"]>;
  readonly driverUs: number;
  readonly deliveries: number;
  readonly reads: number;
}

function lookAt(swarm: Swarm, traffic: Traffic | undefined, server: ServerProcess): Sight {
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    server: server.cpu(),
    driverUs: user + system,
    deliveries: traffic?.deliveries ?? 0,
    reads: swarm.reads,
  };
}

function sharesOf(before: Sight, after: Sight, seconds: number): Pick<Figures, "serverShare" | "driverShare"> {
  return {
    serverShare: (after.server.totalUs - before.server.totalUs) / 1e6 / seconds,
    driverShare: (after.driverUs - before.driverUs) / 1e6 / seconds,
  };
}

async function drained(traffic: Traffic): Promise<void> {
  let seen = -1;
  let since = performance.now();
  while (traffic.outstanding > 0) {
    if (traffic.deliveries !== seen) {
      seen = traffic.deliveries;
      since = performance.now();
    } else if (performance.now() - since > SILENCE_MS) return;
    await sleep(20);
  }
}

/** Memory of the last nine tenths of the connections, so that what the first ones make the server load does not count. */
async function measureIdle(job: Job, workload: Of<"idle">, swarm: Swarm, server: ServerProcess): Promise<Figures> {
  const first = Math.ceil(job.clients / 10);
  await swarm.connect(first);
  if (workload.talks) await smallTalk(swarm);
  const rssBefore = await settled(job, server);
  await swarm.connect(job.clients - first);
  if (workload.talks) await smallTalk(swarm);
  const rss = await settled(job, server);
  const before = lookAt(swarm, undefined, server);
  await sleep(job.windowMs);
  const after = lookAt(swarm, undefined, server);
  return {
    bytesPerConnection: (rss - rssBefore) / (job.clients - first),
    rssMb: rss / MB,
    lost: (swarm.traffic?.lost ?? 0) + (swarm.traffic?.outstanding ?? 0),
    disorders: swarm.traffic?.disorders ?? 0,
    closed: swarm.goneFrom(0),
    ...sharesOf(before, after, (after.at - before.at) / 1000),
  };
}

async function smallTalk(swarm: Swarm): Promise<void> {
  const traffic = new Traffic({ clients: swarm.clients.length, groups: 1, publishersPerGroup: 1, outstanding: SMALL_TALK }, new Histogram());
  swarm.talk(traffic);
  for (let i = 0; i < SMALL_TALK; i++) swarm.send(0, performance.now());
  swarm.flush();
  await drained(traffic);
}

async function settled(job: Job, server: ServerProcess): Promise<number> {
  for (let i = 0; i < 2; i++) {
    await sleep(job.warmUpMs);
    server.collect();
  }
  await sleep(job.warmUpMs);
  return server.rssBytes();
}

/** The first fifth warms the server up. */
async function measureConnect(job: Job, swarm: Swarm, server: ServerProcess): Promise<Figures> {
  const first = Math.ceil(job.clients / 5);
  await swarm.connect(first);
  const before = lookAt(swarm, undefined, server);
  await swarm.connect(job.clients - first);
  // The server may still be busy with what follows its 101.
  await sleep(50);
  const after = lookAt(swarm, undefined, server);
  const opened = job.clients - first;
  const seconds = (after.at - before.at - 50) / 1000;
  return {
    cpuUs: (after.server.totalUs - before.server.totalUs) / opened,
    userUs: (after.server.userUs - before.server.userUs) / opened,
    perSecond: opened / seconds,
    rssMb: server.rssBytes() / MB,
    lost: 0,
    disorders: 0,
    closed: swarm.goneFrom(0),
    ...sharesOf(before, after, seconds),
  };
}
