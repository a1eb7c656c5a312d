// The part of packed.mjs about @upwire/cluster, @upwire/redis and @upwire/metrics: their READMEs, the pages about several processes,
// engines and metrics, and two nodes on each broker, judged as in other runtimes. Redis is tried where redis-server is installed.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { redisMissing } from "@upwire/testing/redis";
import { BROKERS, CLUSTER_NODE, judgeCluster, withPlace } from "./cluster-judge.mjs";
import { appFolder, freePort, install, LANGUAGES, readmeOf, runIn, samplesOf, start, write } from "./packed-app.mjs";
import { connect, printing, scraped, serving, until } from "./packed-run.mjs";
import { root } from "./run.mjs";

const REDIS_PORT = "6379";
const FRAMEWORKS = ["Express", "Fastify", "Hono", "Koa", "node:http"];
const CUSTOMERS = ["cluster", "metrics"];
const BUNDLER = ["--strict", "--skipLibCheck", "false", "--noEmit", "--target", "es2022", "--types", "node"].concat(
  ["--module", "esnext", "--moduleResolution", "bundler"],
  ["--allowImportingTsExtensions"],
);

/** @param check Runs one check. */
export async function tryCluster(check) {
  await tryClusterReadme(check);
  for (const library of ["ioredis", "redis"]) await tryRedisReadme(library, check);
  await tryMetricsReadme(check);

  const folder = appFolder("nodes");
  // Koa first: its types do not compile beside the content-disposition of Express, which npm would put at the top.
  for (const name of ["koa", "express", "fastify", "hono"]) for (const line of readmeOf(`packages/${name}/README.md`).installs) install(folder, line);
  install(folder, "npm install @upwire/realtime @upwire/cluster @upwire/redis @upwire/metrics ioredis redis @koa/router");
  install(folder, "npm install @opentelemetry/api @opentelemetry/sdk-metrics");
  install(folder, "npm install --save-dev @types/koa__router");
  await tryTypes(folder, check);
  await tryMetricsGuide(folder, check);
  await tryProcesses(folder, check);
  await tryEngines(folder, check);
  copyFileSync(CLUSTER_NODE, join(folder, "cluster-node.mjs"));
  const node = { script: "cluster-node.mjs", cwd: folder };
  for (const broker of BROKERS) await onPlace(broker, check, `two nodes, ${broker}`, (place) => judgeCluster(broker, [node, node], place));
}

/** A check on a broker's place, or a line that says why there is none. */
async function onPlace(broker, check, what, run) {
  const missing = broker === "mesh" ? undefined : redisMissing();
  // Where everything is to be tried, nothing may be missing.
  if (missing !== undefined && process.env["CI"] === undefined) console.log(`  ${what}: not tried, ${missing}`);
  else await check(what, () => (missing === undefined ? withPlace(broker, run) : Promise.reject(new Error(missing))));
}

async function tryClusterReadme(check) {
  const path = "packages/cluster/README.md";
  const [chat, memory, mesh] = samplesOf(path);
  const folder = appFolder("cluster");
  for (const line of readmeOf(path).installs) install(folder, line);
  for (const language of LANGUAGES) {
    await check(`cluster README, a hub of all nodes, ${language}`, () =>
      serving(folder, language, { server: chat }, { listens: ["3000"] }, async ({ ports: [port], server }) => {
        const [one, other] = [await connect(port), await connect(port)];
        one.send("hello");
        await until(() => other.heard.includes("hello"), "the other one hears it");
        await until(() => server.printed.includes("1 got it; no answer from none"), "the server prints what it reached");
        for (const client of [one, other]) client.close();
      }),
    );
    await check(`cluster README, a broker, ${language}`, () =>
      printing(folder, language, { server: memory }, { lines: ['room:tea 1 {"type":"message"', "\n1\n"] }),
    );
    await check(`cluster README, the mesh, ${language}`, () => runIn(folder, process.execPath, [`${write(folder, language, { mesh }, ["mesh"])}mesh.js`]));
  }
}

/** With only this library installed: the types, too, have to do without the other one. */
async function tryRedisReadme(library, check) {
  const path = "packages/redis/README.md";
  const [byUrl, byIoredis, byNodeRedis] = samplesOf(path);
  const folder = appFolder(`redis-${library}`);
  for (const line of readmeOf(path).installs) install(folder, line.replace("ioredis", library));
  const isIoredis = library === "ioredis";
  const use = `import { broker } from "./broker.ts";
const ignore = () => {};
await broker.start({ message: (topic, { data }) => console.log(topic, data), top: ignore, gap: ignore, state: ignore, told: ignore, nodes: ignore });
await broker.subscribe("tea");
await broker.publish("tea", "hot");
await broker.close();
`;
  for (const language of LANGUAGES) {
    await onPlace("url", check, `redis README, your client of ${library}, ${language}`, ({ redis }) => {
      const files = { broker: onRedis(isIoredis ? byIoredis : byNodeRedis, redis), server: use };
      return printing(folder, language, files, { lines: ["tea hot"] });
    });
    if (!isIoredis) continue;
    await onPlace("url", check, `redis README, an address, ${language}`, ({ redis }) =>
      printing(folder, language, { server: onRedis(byUrl, redis) }, { lines: ["room:tea 1 hello"], goesOn: true }),
    );
  }
}

async function tryMetricsReadme(check) {
  const path = "packages/metrics/README.md";
  const { installs, sample } = readmeOf(path);
  const folder = appFolder("metrics");
  for (const line of installs) install(folder, line);
  for (const language of LANGUAGES) {
    await check(`metrics README, ${language}`, () =>
      serving(folder, language, { server: sample }, { listens: ["8080", "9090"] }, async ({ ports: [port, internal] }) => {
        const client = await connect(port, "/ws");
        await scraped(internal, ['upwire_attachment_open_connections{attachment="main"} 1', 'upwire_hub_connections{hub="chat"} 1']);
        client.close();
      }),
    );
  }
}

/** The samples of the guide: one for each framework, and OpenTelemetry with a real SDK. */
async function tryMetricsGuide(folder, check) {
  const path = "apps/docs/guide/logs-and-metrics.md";
  const metrics = samplesOf(path).find((sample) => sample.startsWith("// metrics.ts"));
  for (const framework of FRAMEWORKS) {
    const files = { metrics, server: below(path, `### ${framework}`)[0] };
    await check(`metrics on ${framework}, the guide`, () =>
      serving(folder, "TypeScript", files, { listens: ["8080", "9090"] }, ({ ports: [, internal] }) =>
        scraped(internal, ['upwire_attachment_open_connections{attachment="main"} 0', 'upwire_hub_rooms{hub="chat"} 0']),
      ),
    );
  }
  writeFileSync(join(folder, "sdk.mjs"), SDK);
  const files = { metrics, server: below(path, "### OpenTelemetry")[0] };
  const line = 'upwire.hub.rooms {"upwire.hub.name":"chat"} 0';
  await check("metrics of OpenTelemetry, the guide", () =>
    serving(folder, "TypeScript", files, { listens: ["8080"], flags: ["--import", "./sdk.mjs"] }, ({ server }) =>
      until(() => server.printed.includes(line), `the SDK exports ${line}`),
    ),
  );
}

/** What an application starts before: here with an exporter that prints. */
const SDK = `
import { metrics } from "@opentelemetry/api";
import { MeterProvider, PeriodicExportingMetricReader, AggregationTemporality } from "@opentelemetry/sdk-metrics";

const exporter = {
  export({ scopeMetrics }, done) {
    for (const { descriptor, dataPoints } of scopeMetrics.flatMap((scope) => scope.metrics)) {
      for (const { attributes, value } of dataPoints) console.log(descriptor.name, JSON.stringify(attributes), value);
    }
    done({ code: 0 });
  },
  selectAggregationTemporality: () => AggregationTemporality.CUMULATIVE,
  forceFlush: async () => {},
  shutdown: async () => {},
};
const reader = new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 200, exportTimeoutMillis: 100 });
metrics.setGlobalMeterProvider(new MeterProvider({ readers: [reader] }));
`;

/** The three files of node:cluster, and the jobs beside them: a message of another process arrives at a client of a worker. */
async function tryProcesses(folder, check) {
  const path = "apps/docs/scale/processes.md";
  const [broker, service, worker, server] = below(path, "## With node:cluster");
  const [hubJob, realtimeJob] = below(path, "## Publish from a process without clients");
  const files = { service, worker, broker, hubJob, realtimeJob, server };
  await onPlace("mesh", check, "the page about several processes", async ({ place }) => {
    const port = await freePort();
    const env = { MESH_FOLDER: place, PORT: String(port) };
    await serving(folder, "TypeScript", files, { env, entries: ["worker", "hubJob", "realtimeJob"] }, async ({ built, server: primary }) => {
      const client = await connect(port, "/ws", ["upwire.v1"]);
      client.send(JSON.stringify({ type: "upwire.subscribe", id: 1, topic: "room:tea" }));
      await until(() => client.heard.some((text) => text.includes('"re":1')), "it is subscribed");
      const job = start(folder, `${built}realtimeJob.js`, { env });
      await until(
        () => client.heard.some((text) => text.includes("the kettle is on")),
        () => `it hears the job, which said ${job.said}`,
      );
      await until(() => job.exitCode === 0 && job.printed.trim() === "1", "the job prints the offset and ends");
      // The servers have a realtime, and nothing to do with a hub: it reaches none of them.
      const other = start(folder, `${built}hubJob.js`, { env });
      await until(
        () => other.exitCode === 0 && other.printed.startsWith("0 got it"),
        () => `the other job ends; it printed ${other.printed} and said ${other.said}`,
      );
      client.close();
      await primary.stop();
      if (primary.exitCode !== 0) throw new Error(`SIGTERM ended the primary with ${primary.exitCode}`);
    });
  });
}

async function tryEngines(folder, check) {
  const [broker, realtime, both] = samplesOf("apps/docs/scale/engines.md");
  const server = `import { realtime } from "./realtime.ts";
import { cluster, stop } from "./both.ts";

await cluster.started;
console.log("all have started", cluster.state());
await Promise.all([realtime.stop(), stop()]);
`;
  for (const [kind, how] of [
    ["mesh", "without"],
    ["url", "with"],
  ]) {
    await onPlace(kind, check, `the page about engines, ${how} REDIS_URL`, ({ place }) => {
      // A mesh without a folder makes one among the temporary files.
      const env = kind === "mesh" ? { TMPDIR: place } : { REDIS_URL: place };
      return printing(folder, "TypeScript", { broker, realtime, both, server }, { env, lines: ["all have started up"] });
    });
  }
}

/** What customers write about these packages, against the tarballs. `npm test` compiles the same against the workspace. */
async function tryTypes(folder, check) {
  mkdirSync(join(folder, "typed"));
  for (const name of CUSTOMERS) copyFileSync(join(root, `apps/types/customers/servers/${name}.ts`), join(folder, "typed", `${name}.ts`));
  const files = CUSTOMERS.map((name) => `typed/${name}.ts`);
  const nodenext = BUNDLER.map((flag) => ({ esnext: "nodenext", bundler: "nodenext" })[flag] ?? flag);
  await check("types, NodeNext", () => runIn(folder, "npx", ["tsc", ...nodenext, ...files]));
  await check("types, Bundler", () => runIn(folder, "npx", ["tsc", ...BUNDLER, ...files]));
}

/** The samples below a heading, down to the next one of its rank. */
function below(path, heading) {
  const text = readFileSync(join(root, path), "utf8");
  const at = text.indexOf(`\n${heading}\n`);
  if (at === -1) throw new Error(`${path} has no heading ${heading}`);
  const rank = heading.slice(0, heading.indexOf(" "));
  const [section] = text.slice(at + heading.length + 2).split(new RegExp(`\\n#{2,${rank.length}} `));
  return [...section.matchAll(/^```ts\n([^]*?)^```$/gm)].map(([, sample]) => sample);
}

function onRedis(sample, { port }) {
  const code = sample.replaceAll(REDIS_PORT, String(port));
  if (code === sample) throw new Error(`the sample does not name the port ${REDIS_PORT}`);
  return code;
}
