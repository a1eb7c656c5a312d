import { createAdapter, createShardedAdapter } from "@socket.io/redis-adapter";
import { createAdapter as createStreamsAdapter } from "@socket.io/redis-streams-adapter";
import { createServer } from "node:http";
import { createClient } from "redis";
import { Server, type ServerOptions } from "socket.io";
import { listen } from "../../rows/row.ts";
import { EVENT, TOPIC, type CrossRow } from "../row.ts";

type Adapter = NonNullable<ServerOptions["adapter"]>;

type Name = "redis" | "sharded" | "streams";

async function adapterFor(name: Name, url: string): Promise<Adapter> {
  const client = createClient({ url });
  await client.connect();
  if (name === "streams") return createStreamsAdapter(client);
  const subscriber = client.duplicate();
  await subscriber.connect();
  return name === "sharded" ? createShardedAdapter(client, subscriber) : createAdapter(client, subscriber);
}

/** A server of Socket.IO in each process, as the documentation of the adapter sets it up. */
function socketIo(name: Name, label: string): CrossRow {
  return {
    label,
    kind: "rival",
    through: "redis",
    clients: "socket.io",
    async start({ url, topic }) {
      const server = createServer();
      const io = new Server(server, { transports: ["websocket"], serveClient: false, adapter: await adapterFor(name, url) });
      io.on("connection", (socket) => socket.join(TOPIC));
      return { port: await listen(server), publish: (text) => io.to(topic).emit(EVENT, text) };
    },
  };
}

export const socketIoRedis: CrossRow = socketIo("redis", "Socket.IO, redis-adapter");
export const socketIoSharded: CrossRow = socketIo("sharded", "Socket.IO, sharded adapter");
export const socketIoStreams: CrossRow = socketIo("streams", "Socket.IO, redis-streams-adapter");
