import { connect } from "node:net";
import { join } from "node:path";
import { meshBroker } from "@upwire/cluster/mesh";
import { type FunctionFault } from "@upwire/testing";
import { expect } from "vitest";
import { playFunctionTable, type FunctionRow } from "../../core/test/helpers/function-table.ts";
import { all, TestCluster, turns } from "./casts/cluster.ts";
import { HubCluster } from "./hub/hub-nodes.ts";
import { newFolder, until } from "./mesh/mesh-bench.ts";

const fails = (fault: FunctionFault): boolean => fault !== "never settles" && fault !== "returns junk";
const FAULT = expect.objectContaining({ message: "a fault of the application" }) as unknown;

const missed = "not: of core, and played there";
const ofBroker = "not: of a broker, which does not throw: describeBroker";
const ofHub = "not: the cluster hub makes it";

/** What the types show and the tests here play. */
const rows: Readonly<Record<string, FunctionRow>> = {
  "BroadcastOptions.filter": missed,
  "SendOptions.missed": missed,
  "Connection.offClose(listener)": missed,
  "Connection.onClose(listener)": missed,
  "Deflate.compress": missed,
  ...Object.fromEntries(
    ["close", "history", "nodes", "publish", "save", "start", "state", "subscribe", "tell", "unsubscribe"].map((name) => [`Broker.${name}`, ofBroker]),
  ),
  ...Object.fromEntries(["broadcast", "close", "list", "size"].map((name) => [`ClusterAudience.${name}`, ofHub])),
  ...Object.fromEntries(["close", "send"].map((name) => [`ClusterConnection.${name}`, ofHub])),
  ...Object.fromEntries(["get", "room", "state", "stop", "user"].map((name) => [`ClusterHub.${name}`, ofHub])),
  "Found.connection": ofHub,
  "CastsOptions.broker": "not: its members are rows",
  "CastsOptions.clock": "not: its members are rows",
  "ClusterHubOptions.clock": "not: its members are rows",
  "MeshBrokerOptions.clock": "not: its members are rows, and it is guarded in the same way",
  "CastsOptions.report": "not: of a layer, where it must not throw; `ClusterHubOptions.onError` may",

  "AskOptions.until": async (fault, run) => {
    const cluster = new TestCluster();
    const [one, two, three] = await cluster.nodes(3);
    const { answers } = await one.casts.ask(undefined, "who?", { until: run });
    await turns();
    expect([fault, answers.size, one.errors]).toEqual([fault, 2, fails(fault) ? [FAULT, FAULT] : []]);
    expect([two.errors, three.errors]).toEqual([[], []]);
  },
  "CastsOptions.deliver": async (fault, run) => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const two = await cluster.node({ deliver: run });
    await cluster.join("tea", two);
    expect(await one.casts.cast("tea", "hello")).toEqual(all(fault === "returns junk" ? 5 : 0));
    await turns();
    expect([fault, two.errors]).toEqual([fault, fails(fault) ? [FAULT] : []]);
  },
  "CastsOptions.answer": async (fault, run) => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const two = await cluster.node({ answer: run });
    const [{ answers, missing }, ms] = await cluster.after(one.casts.ask(undefined, "who?"));
    const right = fault === "returns junk" ? [new Map([[two.name, 5]]), []] : [new Map(), [two.name]];
    expect([fault, answers, missing, ms > 0]).toEqual([fault, ...right, fault === "never settles"]);
    expect(two.errors).toEqual(fails(fault) ? [FAULT] : []);
  },
  "CastsOptions.gap": async (fault, run) => {
    const cluster = new TestCluster();
    const one = await cluster.node({ gap: run });
    const two = await cluster.node();
    await cluster.join("tea", one);
    cluster.network.cut(one.name);
    await cluster.after(two.casts.cast("tea", "hello"));
    cluster.network.mend(one.name);
    await turns();
    expect([fault, one.errors, await two.casts.cast("tea", "again")]).toEqual([fault, fails(fault) ? [FAULT] : [], all(1)]);
  },
  "CastsOptions.state": async (fault, run) => {
    const cluster = new TestCluster();
    const one = await cluster.node({ state: run });
    cluster.network.cut(one.name);
    cluster.network.mend(one.name);
    await turns();
    expect([fault, one.errors]).toEqual([fault, fails(fault) ? [FAULT, FAULT] : []]);
  },
  "ClusterHubOptions.onGap": async (fault, run) => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode({ onGap: run });
    const two = await cluster.hubNode();
    await one.client();
    cluster.network.cut(one.name);
    await cluster.after(two.all.broadcast("hello"));
    cluster.network.mend(one.name);
    await turns();
    expect([fault, one.errors, await two.all.broadcast("again")]).toEqual([fault, fails(fault) ? [FAULT] : [], all(1)]);
  },
  "ClusterHubOptions.onState": async (fault, run) => {
    const cluster = new HubCluster();
    const one = await cluster.hubNode({ onState: run });
    cluster.network.cut(one.name);
    await turns();
    expect([fault, one.errors, one.all.state()]).toEqual([fault, fails(fault) ? [FAULT] : [], "down"]);
  },
  "ClusterHubOptions.onError": async (_fault, run) => {
    const cluster = new HubCluster();
    const wrong = (): never => {
      throw new Error("a fault");
    };
    const one = await cluster.hubNode({ onState: wrong, onError: run });
    cluster.network.cut(one.name);
    await turns();
    expect(one.all.state()).toBe("down");
  },
  "MeshBrokerOptions.onError": async (_fault, run) => {
    const folder = newFolder();
    const broker = meshBroker({ folder, onError: run });
    await broker.start({ message: () => {}, top: () => {}, gap: () => {}, state: () => {}, told: () => {}, nodes: () => {} });
    const stranger = connect(join(folder, `${broker.node}.sock`)).on("error", () => {});
    stranger.write("GET / HTTP/1.1\r\n\r\n");
    await until("the stranger is counted", () => broker.stats.foreign > 0);
    expect(await broker.publish("a", "x")).toMatchObject({ delivery: "cluster" });
    stranger.destroy();
    await broker.close();
  },
  "Clock.now": (_fault, run) => clockRow({ now: run }),
  "Clock.after": (_fault, run) => clockRow({ after: run }),
  "Clock.every": (_fault, run) => clockRow({ every: run }),
};

/** Time stands still, or real timers take the place of broken ones: what needs none works all the same. */
async function clockRow(broken: object): Promise<void> {
  const cluster = new HubCluster();
  const nothing = { cancel: () => {} };
  const one = await cluster.hubNode({ clock: { now: () => performance.now(), after: () => nothing, every: () => nothing, ...broken } });
  const two = await cluster.hubNode();
  await two.client();
  expect([await one.all.broadcast("hello"), await one.all.size()]).toEqual([all(1), { size: 1, missing: [] }]);
  await one.all.stop();
}

/** What no type shows, by name. */
const unseen: typeof rows = {
  "toJSON of a question": async (fault, run) => {
    const cluster = new TestCluster();
    const [one, two] = await cluster.nodes(2);
    const asked = one.casts.ask(undefined, { toJSON: run });
    if (fault === "returns junk") expect((await asked).answers.has(two.name)).toBe(true);
    else await expect(asked).rejects.toThrow(fault === "throws" ? "a fault of the application" : TypeError);
  },
  "toJSON of an answer": async (fault, run) => {
    const cluster = new TestCluster();
    const one = await cluster.node();
    const two = await cluster.node({ answer: () => ({ toJSON: run }) });
    expect((await one.casts.ask(undefined, "who?")).missing).toEqual(fault === "returns junk" ? [] : [two.name]);
    expect(two.errors).toEqual(fault === "returns junk" ? [] : [fault === "throws" ? FAULT : (expect.any(TypeError) as unknown)]);
  },
};

const scope = { packages: ["protocol", "core", "cluster"], entries: ["cluster/src/index.ts", "cluster/src/casts/index.ts", "cluster/src/mesh/index.ts"] };
playFunctionTable({ subject: "the cluster hub, the casts and the mesh", rows, unseen, scope });
