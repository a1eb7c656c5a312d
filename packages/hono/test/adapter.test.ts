import { once } from "node:events";
import type { Server } from "node:http";
import { serve } from "@hono/node-server";
import { describeAdapter } from "@upwire/testing";
import { attach, websocket } from "../src/index.ts";
import { createApp, listening } from "./app.ts";

describeAdapter("hono", async (setup) => {
  const app = createApp(setup);
  for (const { path, handler, options } of setup.routes) app.get(path, websocket(handler, options));
  const server = serve({ fetch: app.fetch, ...listening(setup) }) as Server;
  const attachment = attach(server, setup.attachOptions);
  await once(server, "listening");
  return { server, attachment, close: async () => void (await once(server.close(), "close")) };
});
