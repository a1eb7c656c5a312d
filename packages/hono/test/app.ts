import { createServer as createHttpsServer } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import type { AdapterSetup } from "@upwire/testing";
import { Hono, type Handler } from "hono";
import { getCookie, setCookie } from "hono/cookie";

/** A Hono application with all that `AdapterSetup` asks for but the routes. */
export function createApp({ onRequest, pages }: AdapterSetup): Hono {
  const app = new Hono();
  // Without it, Hono writes errors to stderr; the answer is its own.
  app.onError((_error, c) => c.text("Internal Server Error", 500));
  app.use(async (c, next) => {
    const { incoming, outgoing } = c.env as HttpBindings;
    onRequest(c.req.path, incoming, outgoing);
    c.header("x-middleware", "1");
    setCookie(c, "a", "1");
    setCookie(c, "b", "2");
    await next();
  });
  app.use("/slow/*", async (_c, next) => {
    await delay(50);
    await next();
  });
  app.use("/private/*", (async (c) => c.text("no entry", 401, { "x-refused": "1" })) satisfies Handler);
  app.use("/throws", () => {
    throw new Error("middleware throws");
  });
  // Hono has no session library of its own: the count is in a cookie, set after the route.
  app.use("/session", async (c, next) => {
    const n = Number(getCookie(c, "n") ?? 0) + 1;
    (c.env as HttpBindings).incoming.headers["x-session-n"] = `${n}`;
    await next();
    setCookie(c, "n", `${n}`);
  });
  app.get("/http", (c) => c.text("http"));
  app.post("/body", async (c) => c.json(await c.req.json()));
  for (const { path, serve } of pages) {
    app.get(path, (c) => {
      const { incoming, outgoing } = c.env as HttpBindings;
      serve(incoming, outgoing);
      return RESPONSE_ALREADY_SENT;
    });
  }
  return app;
}

/** What the `serve` of either version needs beside the application. */
export function listening({ tls }: AdapterSetup): { readonly port: 0; readonly hostname: string } {
  const secure = tls === undefined ? {} : { createServer: createHttpsServer, serverOptions: tls };
  return { port: 0, hostname: "127.0.0.1", ...secure };
}
