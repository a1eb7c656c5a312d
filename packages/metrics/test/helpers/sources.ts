import { createServer } from "node:http";
import { attach, createHub, Upgrader, type Attachment, type Hub } from "@upwire/core";
import { createClusterHub, type ClusterHub } from "@upwire/cluster";
import { memoryBroker, type Broker } from "@upwire/cluster/broker";
import { createRealtime, defineContract } from "@upwire/realtime";
import { openInMemory, type TransportPeer } from "@upwire/testing";
import type { RealtimeSource, SourceOptions } from "../../src/index.ts";

export interface RealSources {
  readonly attachment: Attachment;
  readonly upgrader: Upgrader;
  readonly hub: Hub;
  readonly clusterHub: ClusterHub;
  readonly realtime: RealtimeSource;
  readonly broker: Broker;
  /** A client of the upgrader, in the room tea of the hub. */
  readonly peer: TransportPeer;
  stop(): Promise<void>;
}

/** One of each kind, with one client. */
export async function realSources(): Promise<RealSources> {
  const attachment = attach(createServer());
  const hub = createHub();
  const upgrader = new Upgrader();
  const broker = memoryBroker();
  await broker.start({ message() {}, top() {}, gap() {}, state() {}, told() {}, nodes() {} });
  const clusterHub = createClusterHub(createHub(), memoryBroker());
  await clusterHub.started;
  const realtime = createRealtime(defineContract({}));
  const { peer } = await openInMemory(upgrader, {
    open: (connection) => void hub.room("tea").add(connection),
    message: (connection, message) => connection.send(message),
  });
  const stop = async (): Promise<void> => {
    await Promise.all([broker.close(), clusterHub.stop(), realtime.stop()]);
  };
  return { attachment, upgrader, hub, clusterHub, realtime, broker, peer, stop };
}

/** What `createMetrics` takes of them. */
export function optionsOf({ attachment, upgrader, hub, clusterHub, realtime, broker }: RealSources): Required<SourceOptions> {
  return {
    attachments: { main: attachment },
    upgraders: { chat: upgrader },
    hubs: { chat: hub },
    clusterHubs: { chat: clusterHub },
    realtimes: { chat: realtime },
    brokers: { memory: broker },
  };
}
