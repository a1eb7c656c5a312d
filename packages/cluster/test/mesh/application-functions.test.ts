// No function that an application gives a mesh ends the process, or keeps publications from any node.
import type { BrokerSink } from "@upwire/cluster/broker";
import { meshBroker, type MeshBrokerOptions } from "@upwire/cluster/mesh";
import { expect, onTestFinished } from "vitest";
import { playFunctionTable, type FunctionRow } from "../../../core/test/helpers/function-table.ts";
import { FakeNode } from "./fake-node.ts";
import { newFolder, startNode, until } from "./mesh-bench.ts";

const history = { messages: 10, bytes: 1000, ageMs: 60_000 };
const ofBroker = "not: of a broker, which does not throw: describeBroker";
const members = "not: its members are rows";

/** A node with something wrong tells and is told all the same: of another one, and of one that is no node. */
async function played(options: MeshBrokerOptions, hooks: Partial<Record<keyof BrokerSink, unknown>> = {}): Promise<void> {
  const folder = newFolder();
  const other = await startNode({ folder });
  const broker = meshBroker({ folder, ...options });
  const nothing = (): void => {};
  await broker.start({ message: nothing, top: nothing, gap: nothing, state: nothing, told: nothing, nodes: nothing, ...hooks } as BrokerSink);
  onTestFinished(() => broker.close());
  await broker.subscribe("a");
  await broker.subscribe("b", { history });
  await other.broker.subscribe("a");
  const stranger = await FakeNode.connect(folder, broker.node);
  stranger.output.write("GET / HTTP/1.1\r\n\r\n");
  await until("it is cut off", () => stranger.isClosed);
  for (let number = 1; number <= 3; number++) {
    await other.broker.publish("a", "x");
    await other.broker.tell(undefined, new Uint8Array(1));
    expect(await other.broker.publish("b", "x", { history })).toMatchObject({ position: { offset: number } });
    expect(await broker.publish("a", "y")).toMatchObject({ others: 1 });
  }
  const third = await startNode({ folder });
  await third.broker.close();
  await until("all is told", () => other.told.length === 6 && broker.stats.received === 9 && broker.stats.told === 3 && broker.nodes().length === 2);
}

const rows: Readonly<Record<string, FunctionRow>> = {
  ...Object.fromEntries(
    ["close", "history", "nodes", "publish", "save", "start", "state", "subscribe", "tell", "unsubscribe"].map((name) => [`Broker.${name}`, ofBroker]),
  ),
  "SharedBroker.part": "not: shareBroker makes it",
  "MemoryBrokerOptions.clock": "not: createRealtime and createClusterHub guard what they are given",
  "MeshBrokerOptions.clock": members,
  "MeshBrokerOptions.onError": (_fault, run) => played({ onError: run }),
  ...Object.fromEntries(
    (["message", "top", "gap", "state", "told", "nodes"] as const).map((name) => [
      `BrokerSink.${name}`,
      (_fault: unknown, run: unknown) => played({}, { [name]: run }),
    ]),
  ),
  ...Object.fromEntries(
    (["now", "after", "every"] as const).map((name) => [`Clock.${name}`, (_fault: unknown, run: unknown) => played({ clock: clockWith(name, run) })]),
  ),
};

function clockWith(name: string, run: unknown): NonNullable<MeshBrokerOptions["clock"]> {
  const timer = (made: NodeJS.Timeout): { cancel: () => void } => ({ cancel: () => clearTimeout(made) });
  const right = {
    now: () => performance.now(),
    after: (ms: number, then: () => void) => timer(setTimeout(then, ms)),
    every: (ms: number, then: () => void) => timer(setInterval(then, ms)),
  };
  return { ...right, [name]: run };
}

const scope = { packages: ["protocol", "core", "cluster"], entries: ["cluster/src/mesh/index.ts", "cluster/src/broker/index.ts"] };
playFunctionTable({ subject: "the mesh", rows, unseen: {}, scope });
