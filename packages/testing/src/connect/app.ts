import { createServer, type IncomingMessage, type Server as HttpServer, type ServerResponse } from "node:http";
import type { Http2SecureServer } from "node:http2";
import type { Server as HttpsServer } from "node:https";

/** A server of Node. An HTTP/2 server needs `allowHTTP1`: WebSockets come to it by HTTP/1.1. */
export type TestableServer = HttpServer | HttpsServer | Http2SecureServer;

/** What `createServer` of `node:http` takes. An Express application is one. */
export type RequestListener = (req: IncomingMessage, res: ServerResponse) => unknown;

/** What is used of a Fastify application. */
export interface FastifyLike {
  readonly server: TestableServer;
  ready(): PromiseLike<unknown>;
}

/** What is used of a Hono application. */
export interface HonoLike {
  fetch(request: Request, ...rest: never[]): Response | Promise<Response>;
}

/** What is used of a Koa application. */
export interface KoaLike {
  callback(): RequestListener;
}

/** An application of Express, Fastify, Hono or Koa, or a server or a request listener of Node. */
export type TestableApp = RequestListener | FastifyLike | HonoLike | KoaLike | TestableServer;

const RIGHT = "give an application of Express, Fastify, Hono or Koa, or a server or a request listener of node:http";

function has<Name extends string>(app: unknown, ...names: Name[]): app is Readonly<Record<Name, unknown>> {
  const given = app as Readonly<Record<string, unknown>> | null | undefined;
  return given !== null && given !== undefined && names.every((name) => given[name] !== undefined);
}

/**
 * The server that `app` is served by: its own if it has one, else a new one.
 * @throws TypeError for what is no application. @throws Error for a Hono application without `@hono/node-server`.
 */
export async function serverOf(app: TestableApp): Promise<TestableServer> {
  if (has(app, "server", "ready")) {
    // Plugins attach to the server while the application gets ready.
    await app.ready();
    return app.server;
  }
  if (has(app, "fetch")) return honoServer(app);
  if (has(app, "callback")) return createServer(app.callback());
  if (has(app, "address", "listen", "on")) return app;
  if (typeof app === "function") return createServer(app);
  throw new TypeError(`connectTo: ${app === null ? "null" : typeof app} is nothing that can be served; ${RIGHT}`);
}

async function honoServer(app: HonoLike): Promise<TestableServer> {
  const { createAdaptorServer } = await nodeServer();
  // Called on the application, which may be of a class of its own.
  return createAdaptorServer({ fetch: (request, bindings) => app.fetch(request, bindings as never) }) as TestableServer;
}

async function nodeServer(): Promise<typeof import("@hono/node-server")> {
  try {
    return await import("@hono/node-server");
  } catch (cause) {
    throw new Error("connectTo: a Hono application is served by @hono/node-server, and that cannot be loaded; install it: npm install @hono/node-server", {
      cause,
    });
  }
}
