import { setTimeout as sleep } from "node:timers/promises";
import { costOf, sharesOf, type Usage } from "./cost.ts";
import { controlOf } from "../control.ts";
import { measureResume } from "./resume.ts";
import { RATE_PUBLISHERS, type Figures, type Job, type Workload } from "./job.ts";
import { ServerProcess } from "./server-process.ts";
import { Swarm } from "./swarm.ts";
import { Traffic } from "./traffic.ts";

const MB = 1e6;
/** So long without a delivery, and what is missing counts as lost. Far longer than a busy machine makes anybody wait. */
const SILENCE_MS = 10_000;
/** Slow rows are not waited for longer. */
const WARM_UP_MOST_MS = 15_000;
/** Messages that a talking client gets before it falls silent. */
const SMALL_TALK = 30;

/** Time for clients that had stopped to read what lies in the way of a close. */
const CATCH_UP_MS = 1000;

type Of<Kind extends Workload["kind"]> = Extract<Workload, { readonly kind: Kind }>;

interface Setup {
  readonly job: Job;
  readonly swarm: Swarm;
  readonly server: ServerProcess;
}

/** Runs one measurement against a server that listens. @throws Error when it refuses clients. */
export async function measure(job: Job): Promise<Figures> {
  if (job.workload.kind === "resume") return measureResume(job, job.workload);
  const setup = { job, swarm: new Swarm(job), server: new ServerProcess(job.pid) };
  try {
    return await run(setup, job.workload);
  } finally {
    setup.swarm.disconnect();
  }
}

function run(setup: Setup, workload: Exclude<Workload, Of<"resume">>): Promise<Figures> {
  if (workload.kind === "closed") return measureClosed(setup, workload);
  if (workload.kind === "rate") return measureRate(setup, workload);
  if (workload.kind === "idle") return measureIdle(setup, workload);
  if (workload.kind === "heap") return measureHeap(setup);
  return measureConnect(setup, workload);
}

async function measureClosed(setup: Setup, workload: Of<"closed">): Promise<Figures> {
  const { job, swarm } = setup;
  const { groups, publishersPerGroup, inFlight } = workload;
  await swarm.connect(job.clients);
  const traffic = new Traffic({ clients: job.clients, groups, publishersPerGroup, outstanding: inFlight });
  await swarm.connectSenders(traffic.publishers);
  swarm.talk(traffic);
  let isRunning = false;
  traffic.onComplete = (publisher) => {
    if (isRunning) swarm.send(publisher, performance.now());
  };
  return windowOf(setup, traffic, {
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

async function measureRate(setup: Setup, workload: Of<"rate">): Promise<Figures> {
  const { job, swarm, server } = setup;
  await swarm.connect(job.clients);
  const reading = job.clients - workload.stopped;
  const stopped = swarm.clients.slice(reading);
  for (const client of stopped) client.stopReading();
  const seconds = (job.warmUpMs + job.windowMs) / 1000;
  // Room for every message of the run: a server that falls behind may have all of them outstanding.
  const outstanding = Math.ceil((2 * seconds * workload.perSecond) / RATE_PUBLISHERS) + 64;
  const traffic = new Traffic({ clients: reading, groups: 1, publishersPerGroup: RATE_PUBLISHERS, outstanding });
  swarm.talk(traffic);
  const rssBefore = server.rssBytes();
  let timer: NodeJS.Timeout | undefined;
  const figures = await windowOf(setup, traffic, {
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
  if (stopped.length === 0) return { ...figures, rssGrowthMb };
  // Only who reads learns that it was closed.
  swarm.traffic = undefined;
  for (const client of stopped) client.resumeReading();
  await sleep(CATCH_UP_MS);
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
async function windowOf(setup: Setup, traffic: Traffic, sending: Sending): Promise<Figures> {
  const { job, swarm, server } = setup;
  const sendFor = async (ms: number): Promise<void> => {
    sending.start();
    await sleep(ms);
    sending.stop();
    await drained(traffic);
  };
  await sendFor(job.warmUpMs);
  const givenUp = performance.now() + WARM_UP_MOST_MS;
  while (traffic.deliveries < (job.warmUpDeliveries ?? 0) && performance.now() < givenUp) await sendFor(job.warmUpMs);
  const before = lookAt(setup);
  traffic.openWindow();
  await sendFor(job.windowMs);
  const after = lookAt(setup);

  const deliveries = after.deliveries - before.deliveries;
  // Not the wait for what never came.
  const seconds = (traffic.now - before.at) / 1000;
  return {
    ...costOf(before, after, deliveries, seconds),
    p50Ms: traffic.latencies.quantile(0.5),
    p99Ms: traffic.latencies.quantile(0.99),
    p999Ms: traffic.latencies.quantile(0.999),
    perRead: deliveries / Math.max(1, after.reads - before.reads),
    rssMb: server.rssBytes() / MB,
    ...(swarm.compressedBytes === undefined ? {} : { compressedBytes: swarm.compressedBytes }),
    lost: traffic.lost + traffic.outstanding,
    disorders: traffic.disorders,
    closed: traffic.goneClients,
  };
}

/** Memory of the last nine tenths of the connections, so that what the first ones make the server load does not count. */
async function measureIdle(setup: Setup, workload: Of<"idle">): Promise<Figures> {
  const { job, swarm } = setup;
  const first = Math.ceil(job.clients / 10);
  await swarm.connect(first);
  if (workload.talks) await smallTalk(swarm);
  const rssBefore = await settled(setup);
  await swarm.connect(job.clients - first);
  if (workload.talks) await smallTalk(swarm);
  const rss = await settled(setup);
  const before = lookAt(setup);
  await sleep(job.windowMs);
  const after = lookAt(setup);
  return {
    bytesPerConnection: (rss - rssBefore) / (job.clients - first),
    rssMb: rss / MB,
    lost: (swarm.traffic?.lost ?? 0) + (swarm.traffic?.outstanding ?? 0),
    disorders: swarm.traffic?.disorders ?? 0,
    closed: swarm.goneFrom(0),
    ...sharesOf(before, after, (after.at - before.at) / 1000),
  };
}

/** What the last nine tenths of the connections add to the heap, after collections. */
async function measureHeap({ job, swarm, server }: Setup): Promise<Figures> {
  const control = controlOf(job.controlPort ?? 0);
  const first = Math.ceil(job.clients / 10);
  const settledHeap = async (): Promise<number> => {
    await sleep(job.warmUpMs);
    return control.heap();
  };
  await swarm.connect(first);
  const before = await settledHeap();
  await swarm.connect(job.clients - first);
  const after = await settledHeap();
  return {
    heapPerConnection: (after - before) / (job.clients - first),
    rssMb: server.rssBytes() / MB,
    lost: 0,
    disorders: 0,
    closed: swarm.goneFrom(0),
    serverShare: 0,
    driverShare: 0,
  };
}

async function smallTalk(swarm: Swarm): Promise<void> {
  const traffic = new Traffic({ clients: swarm.clients.length, groups: 1, publishersPerGroup: 1, outstanding: SMALL_TALK });
  swarm.talk(traffic);
  for (let i = 0; i < SMALL_TALK; i++) swarm.send(0, performance.now());
  swarm.flush();
  await drained(traffic);
}

async function settled({ job, server }: Setup): Promise<number> {
  for (let i = 0; i < 2; i++) {
    await sleep(job.warmUpMs);
    server.collect();
  }
  await sleep(job.warmUpMs);
  return server.rssBytes();
}

async function measureConnect(setup: Setup, { before: first }: Of<"connect">): Promise<Figures> {
  const { job, swarm, server } = setup;
  await swarm.connect(first);
  const before = lookAt(setup);
  await swarm.connect(job.clients - first);
  const seconds = (performance.now() - before.at) / 1000;
  // The server may still be busy with what follows its last 101.
  await sleep(50);
  return {
    ...costOf(before, lookAt(setup), job.clients - first, seconds),
    rssMb: server.rssBytes() / MB,
    lost: 0,
    disorders: 0,
    closed: swarm.goneFrom(0),
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
    await sleep(5);
  }
}

interface Sight extends Usage {
  readonly at: number;
  readonly deliveries: number;
  readonly reads: number;
}

function lookAt({ swarm, server }: Setup): Sight {
  const { user, system } = process.cpuUsage();
  return {
    at: performance.now(),
    server: server.cpu(),
    driverUs: user + system,
    deliveries: swarm.traffic?.deliveries ?? 0,
    reads: swarm.reads,
  };
}
