import { itKeepsTheSentTarget, type MountedServer } from "@upwire/testing";
import Fastify, { type FastifyInstance } from "fastify";
import * as native from "../src/index.ts";
import * as plugin from "../src/websocket.ts";

async function listen(app: FastifyInstance): Promise<MountedServer> {
  await app.listen({ port: 0, host: "127.0.0.1" });
  return { server: app.server, close: () => app.close() };
}

for (const [name, { attach, websocket }] of Object.entries({ fastify: native, "@fastify/websocket": plugin })) {
  itKeepsTheSentTarget(`behind rewriteUrl (${name})`, {
    sent: "/api/v1/ws",
    routed: "/ws",
    mount: async ({ handler, options }) => {
      const app = Fastify({ rewriteUrl: (req) => (req.url ?? "/").replace("/api/v1", "") });
      await app.register(attach as typeof native.attach);
      app.get("/ws", websocket(handler, options) as ReturnType<typeof native.websocket>);
      return listen(app);
    },
  });

  itKeepsTheSentTarget(`below a prefix (${name})`, {
    sent: "/api/ws",
    routed: "/api/ws",
    mount: async ({ handler, options }) => {
      const app = Fastify();
      await app.register(attach as typeof native.attach);
      await app.register(async (inner) => void inner.get("/ws", websocket(handler, options) as ReturnType<typeof native.websocket>), { prefix: "/api" });
      return listen(app);
    },
  });
}
