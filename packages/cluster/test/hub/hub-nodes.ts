import { createClusterHub, type ClusterHub, type ClusterHubOptions } from "@upwire/cluster";
import type { Broker } from "@upwire/cluster/broker";
import { createHub, Upgrader, type Connection, type Hub } from "@upwire/core";
import { openInMemory, sentTo, type TransportPeer } from "@upwire/testing";
import { FreezingBroker, TestCluster, turns } from "../casts/cluster.ts";

/** A client of a node under test. */
interface TestClient {
  readonly connection: Connection;
  readonly peer: TransportPeer;
  /** What it was sent, as `text hello` and `close 1001 going away`. */
  heard(): Promise<string[]>;
}

export interface HubNode {
  readonly hub: Hub;
  readonly all: ClusterHub;
  readonly broker: FreezingBroker;
  readonly name: string;
  readonly errors: unknown[];
  /** A client that is in these rooms, and belongs to this user. */
  client(where?: { readonly rooms?: readonly string[]; readonly user?: string }): Promise<TestClient>;
}

/** Nodes with cluster hubs, linked in this process. */
export class HubCluster extends TestCluster {
  /** @param connectionIdPrefix Of the connections. @default the name of the node */
  async hubNode(options: ClusterHubOptions = {}, wrap: (broker: Broker) => Broker = (broker) => broker, connectionIdPrefix?: string): Promise<HubNode> {
    const broker = new FreezingBroker(wrap(this.network.broker()));
    const errors: unknown[] = [];
    const hub = createHub();
    const all = createClusterHub(hub, broker, { clock: this.clock, onError: (error) => errors.push(error), ...options });
    const upgrader = new Upgrader({ connectionIdPrefix: connectionIdPrefix ?? all.node });
    await all.started;
    return {
      hub,
      all,
      broker,
      name: broker.node,
      errors,
      async client({ rooms = [], user } = {}) {
        const { connection, peer } = await openInMemory(upgrader, {});
        hub.add(connection);
        for (const room of rooms) hub.room(room).add(connection);
        if (user !== undefined) hub.user(user).add(connection);
        await turns();
        return {
          connection,
          peer,
          async heard() {
            await turns();
            return sentTo(peer);
          },
        };
      },
    };
  }

  async hubNodes(count: 2): Promise<[HubNode, HubNode]>;
  async hubNodes(count: 3): Promise<[HubNode, HubNode, HubNode]>;
  async hubNodes(count: number): Promise<HubNode[]> {
    const nodes: HubNode[] = [];
    for (let made = 0; made < count; made++) nodes.push(await this.hubNode());
    return nodes;
  }
}
