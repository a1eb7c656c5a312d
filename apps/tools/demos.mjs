/** Every demo by the name that `npm start -- NAME` takes. Nothing is loaded before it is called. */
export const demos = {
  express: () => import("@upwire-apps/express"),
  fastify: () => import("@upwire-apps/fastify"),
  hono: () => import("@upwire-apps/hono"),
  koa: () => import("@upwire-apps/koa"),
  node: () => import("@upwire-apps/node"),
  "fastify-websocket": () => import("@upwire-apps/fastify-websocket"),
  "hono-node-ws": () => import("@upwire-apps/hono-node-ws"),
};

export const demoNames = Object.keys(demos);

/** What runs when no name is given, each on the port after the one before. */
export const frameworks = ["express", "fastify", "hono", "koa"];
