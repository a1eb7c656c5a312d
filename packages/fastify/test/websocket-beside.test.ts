import type { AddressInfo } from "node:net";
import { WireClient } from "@upwire/testing";
import Fastify, { type FastifyInstance } from "fastify";
import { expect, it, onTestFinished } from "vitest";
import { attach, websocket } from "../src/websocket.ts";

interface Beside {
  readonly app: FastifyInstance;
  readonly connect: (path: string) => Promise<WireClient>;
}

/** A route of the plugin's own beside one of ours. */
async function serve(): Promise<Beside> {
  const app = Fastify();
  await app.register(attach, { options: { maxPayload: 100 } });
  app.get("/own", { websocket: true }, (socket) => {
    socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
  });
  app.get("/ours", websocket({ message: (connection, message) => void connection.send(message) }));
  await app.listen({ port: 0, host: "127.0.0.1" });
  onTestFinished(() => app.close());
  const { port } = app.server.address() as AddressInfo;
  return { app, connect: (path) => WireClient.connect({ port, path }) };
}

it("serves both kinds of route, each with its own limit", async () => {
  const { app, connect } = await serve();
  const [own, ours] = [await connect("/own"), await connect("/ours")];
  const text = "x".repeat(101);
  for (const client of [own, ours]) {
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("hello");
    client.sendText(text);
  }
  expect((await ours.nextMessage()).text).toBe(text);
  expect([(await own.closed).code, app.websocketServer.clients.size]).toEqual([1009, 0]);
  ours.socket.destroy();
});

it("keeps what is sent to the plugin's clients for the plugin's own routes", async () => {
  const { app, connect } = await serve();
  const [own, ours] = [await connect("/own"), await connect("/ours")];
  expect(app.websocketServer.clients.size).toBe(1);
  for (const client of app.websocketServer.clients) client.send("to all of the plugin's");
  expect((await own.nextMessage()).text).toBe("to all of the plugin's");
  ours.sendText("mine");
  expect((await ours.nextMessage()).text).toBe("mine");
  for (const client of app.websocketServer.clients) client.terminate();
  expect((await own.closed).code).toBe(1006);
  ours.socket.destroy();
});

it("closes both kinds with the application", async () => {
  const { app, connect } = await serve();
  const own = await Promise.all(Array.from({ length: 50 }, () => connect("/own")));
  const ours = await Promise.all(Array.from({ length: 50 }, () => connect("/ours")));
  await app.close();
  const codesOf = (clients: readonly WireClient[]): Promise<number[]> => Promise.all(clients.map(async ({ closed }) => (await closed).code));
  // The plugin's own way is a close frame without a code.
  expect([new Set(await codesOf(own)), new Set(await codesOf(ours))]).toEqual([new Set([1005]), new Set([1001])]);
});
