// One server of the cluster, a process of its own: the launcher starts three of them, compose.yaml as well.
import type { AddressInfo } from "node:net";
import { createBroker } from "./broker.ts";
import { connectLauncher } from "./launcher-link.ts";
import { readServerSettings } from "./server-settings.ts";
import { createService, type Listening, type Service, type Where } from "./service.ts";

type Start = (service: Service, where: Where) => Promise<Listening>;

const frameworks: Readonly<Record<string, () => Promise<{ readonly start: Start }>>> = {
  express: () => import("./servers/express.ts"),
  fastify: () => import("./servers/fastify.ts"),
  hono: () => import("./servers/hono.ts"),
};

const { number, framework, host, port, trustProxy, allowedHosts, ...where } = readServerSettings(process.env, Object.keys(frameworks));
const launcher = connectLauncher();
const { broker, kind } = await createBroker(where);
const service = createService({ broker, kind, number, framework, trustProxy, allowedHosts, launcher });
const { start } = await frameworks[framework]!();
const { server, attachment } = await start(service, { host, port });
launcher?.listening((server.address() as AddressInfo).port, broker.node);
if (launcher === undefined) console.log(`server ${number} (${framework}) listens on http://${host}:${(server.address() as AddressInfo).port}`);

// Of a Ctrl-C the launcher hears too: it ends the servers in its own order.
if (launcher !== undefined) process.on("SIGINT", () => {});
process.once("SIGTERM", () => void drain());

/** Health checks fail, clients are told 1012 and when to come back, then this node hands over what it keeps for others. */
async function drain(): Promise<void> {
  await attachment.shutdown({ spreadMs: 1000, retryAfterMs: 200, graceMs: 2000 });
  await service.stop();
  process.exit();
}
