import { parseSync, type ClassElement, type Expression, type PrivateIdentifier, type TSSignature } from "oxc-parser";
import { expect, it } from "vitest";
import { read, rowNames, section } from "./pages.ts";

interface Documented {
  /** The class or interface. */
  readonly of: string;
  /** Where it is declared, if not in core. */
  readonly in?: string;
  /** Of the reference. */
  readonly page: string;
  readonly heading: string;
  /** What is for other parts of core alone. */
  readonly internal?: readonly string[];
  /** What another table of this section has. */
  readonly elsewhere?: readonly string[];
}

const linkOptions = ["WebSocket", "stableMs", "connectTimeoutMs", "spreadMs", "clock", "random"];
const clientOptions = ["token", "fetch", "maxQueue", "requestTimeoutMs", "onError"];

const metricsSources = ["attachments", "upgraders", "hubs", "clusterHubs", "realtimes", "brokers"];
const metricsOptions = ["closureCodes", "readyWithoutBroker", "eventLoopDelay", "onError", "clock"];
const metricsMembers = ["text", "collect", "metrics", "readiness", "stop"];

const documented: readonly Documented[] = [
  { of: "ConnectionHandler", page: "handler", heading: "## ConnectionHandler" },
  { of: "UpgradeRequest", page: "handler", heading: "## UpgradeRequest" },
  { of: "Connection", page: "connection", heading: "## Connection" },
  { of: "Message", page: "connection", heading: "## Message", internal: ["copyTo"] },
  { of: "PreparedMessage", page: "connection", heading: "## PreparedMessage", internal: ["keep", "frame"] },
  { of: "CloseInfo", page: "connection", heading: "## CloseInfo" },
  { of: "ConnectionError", page: "connection", heading: "## ConnectionError", internal: ["name"], elsewhere: ["cause"] },
  { of: "Audience", page: "audiences", heading: "## Audience" },
  { of: "Hub", page: "audiences", heading: "## Hub" },
  { of: "Slot", page: "audiences", heading: "## Slot" },
  { of: "HubOptions", page: "options", heading: "## createHub" },
  { of: "AudienceOptions", page: "options", heading: "## createAudience" },
  { of: "CloseAllOptions", page: "options", heading: "## close of an attachment, a hub or an audience" },
  { of: "SendOptions", page: "options", heading: "## send and broadcast", elsewhere: ["except", "filter"] },
  { of: "BroadcastOptions", page: "options", heading: "## send and broadcast", elsewhere: ["key", "missed", "mustArrive"] },
  { of: "LogOptions", page: "options", heading: "## logEvents" },
  { of: "Attachment", page: "options", heading: "### Attachment", internal: ["meet", "track"] },
  { of: "Stats", page: "events", heading: "### Of an Upgrader or a server" },
  { of: "HubStats", page: "events", heading: "### Of a hub" },
  { of: "CommonOptions", in: "realtime/src/options.ts", page: "realtime", heading: "## createRealtime", elsewhere: ["topics"] },
  { of: "TopicRules", in: "realtime/src/options.ts", page: "realtime", heading: "## Rules of topics" },
  { of: "RealtimeLimits", in: "realtime/src/limits.ts", page: "realtime", heading: "## Limits" },
  { of: "Realtime", in: "realtime/src/realtime.ts", page: "realtime", heading: "## Realtime members", elsewhere: ["send"] },
  { of: "Topic", in: "realtime/src/realtime.ts", page: "realtime", heading: "## Topic of the server" },
  { of: "RealtimeStats", in: "realtime/src/stats.ts", page: "realtime", heading: "## Counts" },
  { of: "ClusterHubOptions", in: "cluster/src/hub/types.ts", page: "cluster", heading: "## createClusterHub" },
  { of: "ClusterHub", in: "cluster/src/hub/types.ts", page: "cluster", heading: "## ClusterHub" },
  { of: "ClusterAudience", in: "cluster/src/hub/types.ts", page: "cluster", heading: "## ClusterAudience" },
  { of: "ClusterConnection", in: "cluster/src/hub/types.ts", page: "cluster", heading: "## ClusterConnection" },
  { of: "Reach", in: "cluster/src/casts/types.ts", page: "cluster", heading: "## Reach" },
  { of: "CastStats", in: "cluster/src/casts/types.ts", page: "cluster", heading: "## What is counted" },
  { of: "MemoryBrokerOptions", in: "cluster/src/broker/memory-broker.ts", page: "broker", heading: "## memoryBroker" },
  { of: "RedisBrokerOptions", in: "redis/src/options.ts", page: "broker", heading: "## redisBroker" },
  { of: "Broker", in: "cluster/src/broker/broker.ts", page: "broker", heading: "## Broker" },
  { of: "BrokerStats", in: "cluster/src/broker/broker-stats.ts", page: "broker", heading: "## What is counted" },
  { of: "ClientOptions", in: "client/src/client/options.ts", page: "client", heading: "## createClient", elsewhere: linkOptions },
  { of: "LinkOptions", in: "client/src/link/link.ts", page: "client", heading: "## createClient", elsewhere: clientOptions },
  { of: "Client", in: "client/src/client/client.ts", page: "client", heading: "## Client members" },
  { of: "Topic", in: "client/src/client/client.ts", page: "client", heading: "## Topic of the client" },
  { of: "MetricsOptions", in: "metrics/src/options.ts", page: "metrics", heading: "## createMetrics", elsewhere: [...metricsSources, ...metricsMembers] },
  { of: "SourceOptions", in: "metrics/src/source-kinds.ts", page: "metrics", heading: "## createMetrics", elsewhere: [...metricsOptions, ...metricsMembers] },
  { of: "Metrics", in: "metrics/src/metrics.ts", page: "metrics", heading: "## createMetrics", elsewhere: [...metricsSources, ...metricsOptions] },
];

/** The source of each public name of core: a name that is not public may be declared a second time. */
const sourceOf = new Map(
  ["index.ts", "adapter.ts"].flatMap((entry) =>
    parseSync(entry, read(`packages/core/src/${entry}`)).module.staticExports.flatMap(({ entries }) =>
      entries.map(({ exportName, moduleRequest }) => [exportName.name, moduleRequest?.value] as const),
    ),
  ),
);

/** The public members of a class or interface, as its source declares them. */
function membersOf({ of: name, in: file }: Documented): string[] {
  const source = file ?? sourceOf.get(name);
  if (source === undefined || source === null) throw new Error(`core does not export ${name}`);
  const path = `packages/${file === undefined ? `core/src/${source}` : file}`;
  for (const statement of parseSync(path, read(path)).program.body) {
    const declaration = statement.type === "ExportNamedDeclaration" ? statement.declaration : undefined;
    if (declaration?.type !== "ClassDeclaration" && declaration?.type !== "TSInterfaceDeclaration") continue;
    if (declaration.id?.name !== name) continue;
    const names = (declaration.body.body as readonly (ClassElement | TSSignature)[]).flatMap(publicName);
    return [...new Set(names)];
  }
  throw new Error(`${path} does not declare ${name} at its top`);
}

function publicName(member: ClassElement | TSSignature): string[] {
  switch (member.type) {
    case "MethodDefinition":
    case "PropertyDefinition":
      return member.static || member.computed || member.accessibility === "private" || member.accessibility === "protected" ? [] : named(member.key);
    case "TSPropertySignature":
    case "TSMethodSignature":
      return member.computed ? [] : named(member.key);
    default:
      return [];
  }
}

function named(key: Expression | PrivateIdentifier | { readonly type: string }): string[] {
  const { type, name } = key as { readonly type: string; readonly name?: string };
  return type === "Identifier" && name !== undefined && name !== "constructor" ? [name] : [];
}

it.each(documented)("has a row for every member of $of", (entry) => {
  const { page, heading, internal = [], elsewhere = [] } = entry;
  const members = membersOf(entry);
  expect(members.length).toBeGreaterThan(1);
  // What is called internal has to exist, or the list would hide a name that is new one day.
  expect(internal.filter((name) => !members.includes(name))).toEqual([]);
  const rows = rowNames(section(read(`apps/docs/reference/${page}.md`), heading)).filter((name) => /^\w+$/.test(name));
  expect(rows.filter((name) => !elsewhere.includes(name)).toSorted()).toEqual(members.filter((name) => !internal.includes(name)).toSorted());
});
