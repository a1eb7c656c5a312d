import { kindOf } from "../base/kind-of.ts";

/** What the frameworks' applications have and a server has not, and what to write then. */
const applications: readonly (readonly [string, string])[] = [
  ["register", "this is a Fastify application: write await app.register(attach), with attach of @upwire/fastify, or attach(app.server)"],
  ["fetch", "this is a Hono application: write attach(serve({ fetch: app.fetch, port: 8080 }))"],
  ["callback", "this is a Koa application: write attach(app.listen(8080))"],
  ["listen", "this is an Express application: write attach(app.listen(8080))"],
];

/** What has to be there of a server: no class is asked for, since runtimes other than Node have their own. */
const METHODS = ["on", "listeners", "close", "address"];

/** @throws TypeError for what is no server, with what to write. */
export function checkServer(server: unknown): void {
  const given = (typeof server === "object" || typeof server === "function" ? server : undefined) as Readonly<Record<string, unknown>> | null | undefined;
  if (given !== null && given !== undefined) {
    if (METHODS.every((name) => typeof given[name] === "function")) return;
    for (const [method, right] of applications) if (typeof given[method] === "function") throw new TypeError(`attach: ${right}`);
  }
  throw new TypeError(`attach: ${kindOf(server)} is no server; write attach(createServer(app)), or attach(app.listen(8080))`);
}
