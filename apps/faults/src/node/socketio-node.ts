import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { createAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createClient } from "redis";
import { Server, type ServerOptions } from "socket.io";
import { EVENT, topics } from "../traffic.ts";
import type { Engine, RunningNode } from "./api.ts";

/** Socket.IO with an adapter, as the adapter's documentation sets it up, with error listeners. */
export async function startSocketIoNode({ adapter, url }: Extract<Engine, { kind: "socketio" }>, report: (error: unknown) => void): Promise<RunningNode> {
  const client = createClient({ url }).on("error", report);
  await client.connect();
  const server = createServer();
  const io = new Server(server, { transports: ["websocket"], connectionStateRecovery: {}, adapter: await adapterOf() });
  io.on("connection", (socket) => socket.join(topics.map(({ topic }) => topic)));
  await once(server.listen(0, "127.0.0.1"), "listening");

  async function adapterOf(): Promise<NonNullable<ServerOptions["adapter"]>> {
    if (adapter === "streams") return createStreamsAdapter(client);
    const subscriber = client.duplicate().on("error", report);
    await subscriber.connect();
    return createAdapter(client, subscriber);
  }

  return {
    port: (server.address() as AddressInfo).port,
    publish(topic, said) {
      // All that an application learns of it: `emit` returns true, or throws.
      io.to(topic).emit(EVENT, topic, said);
      return Promise.resolve({});
    },
    async drain() {
      await io.close();
      client.destroy();
    },
  };
}
