import { describeAdapter, type AdapterSetup, type RunningServer } from "@upwire/testing";
import { attach, websocket } from "../src/websocket.ts";
import { createApp } from "./app.ts";

async function build(setup: AdapterSetup): Promise<RunningServer> {
  const app = await createApp(setup);
  await app.register(attach, setup.attachOptions);
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(handler, options));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { server: app.server, attachment: app.upwire, close: () => app.close() };
}

describeAdapter("fastify-websocket", build, {
  sessionOn101: "@fastify/websocket writes the 101 past the onSend hooks, where @fastify/session saves",
  responseLife: "@fastify/websocket writes the 101 past the response that the hooks see, so that one closes without having finished",
});
