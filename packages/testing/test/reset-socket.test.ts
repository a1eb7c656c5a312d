import { once } from "node:events";
import { connect, createServer, type AddressInfo, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { resetSocket } from "@upwire/testing";

const servers: (() => void)[] = [];

afterEach(() => {
  for (const end of servers.splice(0)) end();
});

/** Two ends of a connection. The server reads nothing by itself. */
async function pair(): Promise<{ client: Socket; server: Socket }> {
  const listener = createServer({ allowHalfOpen: true, pauseOnConnect: true });
  await once(listener.listen(0, "127.0.0.1"), "listening");
  const arrived = once(listener, "connection");
  const client = connect({ port: (listener.address() as AddressInfo).port, host: "127.0.0.1", allowHalfOpen: true });
  client.on("error", () => {});
  const [server] = (await arrived) as [Socket];
  server.on("error", () => {});
  servers.push(() => {
    client.destroy();
    server.destroy();
    listener.close();
  });
  if (client.connecting) await once(client, "connect");
  return { client, server };
}

/** `once` would reject with the reset that this is about. */
function closing(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once("close", () => resolve());
  });
}

const states: readonly { state: string; prepare: (client: Socket) => void }[] = [
  { state: "idle", prepare: () => {} },
  { state: "with bytes that the server does not read", prepare: (client) => client.write(Buffer.alloc(32 << 20)) },
  { state: "within an end", prepare: (client) => client.end() },
  { state: "within an end behind bytes that the server does not read", prepare: (client) => client.end(Buffer.alloc(32 << 20)) },
];

test.for(states)("a connection $state closes at once, and the other side learns it", async ({ prepare }) => {
  const { client, server } = await pair();
  prepare(client);
  const isGone = Promise.all([closing(client), closing(server)]);
  resetSocket(client);
  server.resume().on("end", () => server.end());
  await isGone;
  expect(client.destroyed).toBe(true);
});

test("a reset by both sides at the same moment closes both", async () => {
  const { client, server } = await pair();
  client.write(Buffer.alloc(32 << 20));
  const isGone = Promise.all([closing(client), closing(server)]);
  resetSocket(server);
  resetSocket(client);
  await isGone;
  expect([client.destroyed, server.destroyed]).toEqual([true, true]);
});
