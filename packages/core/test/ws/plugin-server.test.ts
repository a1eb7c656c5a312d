import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";
import { attach } from "@upwire/core";
import { pluginServer, type PluginServer } from "@upwire/core/adapter";
import { WireClient } from "@upwire/testing";
import { expect, it, onTestFinished } from "vitest";

async function open(plugin: PluginServer): Promise<WireClient> {
  const server = createServer();
  attach(server, { handOver: plugin.handOver });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  return WireClient.open({ port: (server.address() as AddressInfo).port });
}

it("ends a handshake for which the plugin does not listen any more", async () => {
  expect(await (await open(pluginServer())).closed).toMatchObject({ code: 1006 });
});

it.each([
  [
    "throws",
    () => {
      throw new Error("a bug in the plugin");
    },
  ],
  ["rejects", () => Promise.reject(new Error("a bug in the plugin"))],
])("ends a handshake whose listener %s", async (_title, listener) => {
  const plugin = pluginServer();
  plugin.server.on("upgrade", (): unknown => listener());
  expect(await (await open(plugin)).closed).toMatchObject({ code: 1006 });
});

it("gives a handshake to every listener, and ends none that went on", async () => {
  const plugin = pluginServer();
  const seen: Duplex[] = [];
  plugin.server.on("upgrade", (_req, stand: Duplex) => void seen.push(stand));
  plugin.server.on("upgrade", (_req, stand: Duplex) => void stand.end("HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"));
  const client = await open(plugin);
  expect([(await client.answered).status, seen.length]).toEqual([404, 1]);
});
