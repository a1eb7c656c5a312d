import { describeAdapter } from "@upwire/testing";
import { attach, websocket } from "../src/index.ts";
import { createApp } from "./app.ts";

describeAdapter("fastify", async (setup) => {
  const app = await createApp(setup);
  await app.register(attach, setup.attachOptions);
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(handler, options));
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { server: app.server, attachment: app.upwire, close: () => app.close() };
});
