import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { json } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";
import { describeAdapter, type AdapterRoute, type AdapterSetup, type RunningServer } from "@upwire/testing";
import { attach, Upgrader, websocket } from "../../src/index.ts";

/** The params of `path` by a route's `pattern`, or `undefined` when it does not match. */
function match(pattern: string, path: string): Record<string, string> | undefined {
  const names = pattern.split("/");
  const parts = path.split("/");
  if (names.length !== parts.length) return undefined;
  const params: Record<string, string> = {};
  for (const [index, name] of names.entries()) {
    if (name.startsWith(":")) params[name.slice(1)] = decodeURIComponent(parts[index] ?? "");
    else if (name !== parts[index]) return undefined;
  }
  return params;
}

/** The least session there can be: a counter for each value of a cookie. */
function countVisit(sessions: Map<string, number>, req: IncomingMessage, res: ServerResponse): void {
  const id = /(?:^|; )sid=(\d+)/.exec(req.headers.cookie ?? "")?.[1] ?? `${sessions.size + 1}`;
  const n = (sessions.get(id) ?? 0) + 1;
  sessions.set(id, n);
  req.headers["x-session-n"] = `${n}`;
  res.appendHeader("set-cookie", `sid=${id}; HttpOnly`);
}

type Serve = (req: IncomingMessage, res: ServerResponse, params: Record<string, string>) => Promise<void>;

/** As a small router of one's own would do it: `websocket`, or `answer` where there are params to hand on. */
function serve({ path, handler, options }: AdapterRoute): Serve {
  if (!path.includes(":")) return websocket(handler, options);
  const upgrader = new Upgrader(options);
  return async (req, res, params) => {
    const { status, headers, body } = await upgrader.answer(req, handler, { native: req, params });
    res.writeHead(status, headers).end(body);
  };
}

async function build({ routes, onRequest, attachOptions, pages, tls }: AdapterSetup): Promise<RunningServer> {
  const sessions = new Map<string, number>();
  const served = routes.map((route) => ({ path: route.path, serve: serve(route) }));

  async function listener(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const path = req.url?.split("?", 1)[0] ?? "/";
    onRequest(path, req, res);
    res.setHeader("x-middleware", "1");
    res.setHeader("set-cookie", ["a=1", "b=2"]);
    if (path.startsWith("/slow/")) await delay(50);
    if (path.startsWith("/private/")) return void res.writeHead(401, { "x-refused": "1" }).end("no entry");
    if (path === "/throws") throw new Error("middleware throws");
    if (path === "/session") countVisit(sessions, req, res);
    if (path === "/http" && req.method === "GET") return void res.end("http");
    if (path === "/body" && req.method === "POST") return void res.end(JSON.stringify(await json(req)));
    const page = pages.find((one) => one.path === path);
    if (page !== undefined) return page.serve(req, res);
    for (const route of served) {
      const params = match(route.path, path);
      if (params !== undefined) return route.serve(req, res, params);
    }
    res.writeHead(404).end("no such page");
  }

  const serveAll = (req: IncomingMessage, res: ServerResponse): void => {
    listener(req, res).catch(() => res.writeHead(500).end("failed"));
  };
  const server = tls === undefined ? createServer(serveAll) : createHttpsServer(tls, serveAll);
  const attachment = attach(server, attachOptions);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { server, attachment, close: async () => void (await once(server.close(), "close")) };
}

describeAdapter("node", build);
