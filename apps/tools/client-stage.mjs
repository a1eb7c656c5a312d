// A server for the built client, to be played on by client-play.mjs: it cuts, refuses and asks to come back later, and serves pages that
// load the client without a bundler.
import { attach, refuse, websocket } from "@upwire/core";
import { createRealtime, RealtimeError, tokenOf } from "@upwire/realtime";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

/** How long there is no room. Milliseconds; in `Retry-After` it is seconds. */
const FULL_MS = 1000;

const PLAYER = 'import * as client from "/browser.js"; import * as socket from "/socket.js"; import { play } from "/play.js";';
/** Who plays in a page: the page itself, and its workers. Each tells what `play` told. */
const FILES = {
  "/browser.js": () => readFileSync(new URL("../../packages/client/dist/page/browser.js", import.meta.url)),
  "/socket.js": () => readFileSync(new URL("../../packages/client/dist/page/socket.js", import.meta.url)),
  "/play.js": () => readFileSync(new URL("client-play.mjs", import.meta.url)),
  "/page.js": () => `${PLAYER} globalThis.playing = (setting) => play({ ...client, ...socket }, setting);`,
  "/worker.js": () => `${PLAYER} onmessage = async ({ data }) => postMessage(await play({ ...client, ...socket }, data));`,
  "/shared.js": () =>
    `${PLAYER} onconnect = ({ ports: [port] }) => { port.onmessage = async ({ data }) => port.postMessage(await play({ ...client, ...socket }, data)); };`,
};

/**
 * @param origin As the option of a route: which pages may connect.
 * @param forPages Its routes need an Origin and the cookie that its page gives, as those of a site would.
 */
export async function openStage({ origin = "same-origin", forPages = false } = {}) {
  const connections = new Map();
  const visits = new Map();
  const realtime = createRealtime({
    authorize(request) {
      const { query, cookies, headers } = request;
      const name = query.get("as");
      if (name === "nobody" || (forPages && cookies["visitor"] !== "1")) return refuse(401);
      if (query.has("token") && tokenOf(request) !== "good") return refuse(tokenOf(request) === "bad" ? 403 : 401);
      return query.has("full") ? admit(name, headers.upgrade !== undefined) : { id: name };
    },
    onOpen: ({ connection }) => void connections.set(connection.id, connection),
    requests: {
      double: ({ payload }) => {
        if (typeof payload !== "number") throw new RealtimeError("no_number");
        return payload * 2;
      },
    },
    topics: { "room:{room}": { canSubscribe: () => true, canPublish: () => true } },
    // Who does not speak upwire.v1.
    fallback: { message: (connection, message) => void connection.send(message) },
    expectedClients: 1,
    options: { origin, requireOrigin: forPages, allowedHosts: ["127.0.0.1"] },
  });

  function admit(name, isTry) {
    const visit = visits.get(name) ?? { tries: 0, fullUntil: Date.now() + FULL_MS };
    visits.set(name, visit);
    if (isTry) visit.tries++;
    return Date.now() < visit.fullUntil ? refuse(503, "full", { "retry-after": "1" }) : { id: name };
  }

  async function answer(req, res) {
    const { pathname, searchParams } = new URL(req.url, "http://stage");
    const headers = { "access-control-allow-origin": "*", "referrer-policy": "no-referrer" };
    if (req.method === "OPTIONS") {
      // With a token the question of a page of another origin has a preflight, which is the application's to answer.
      const allowed = { "access-control-allow-headers": "authorization", "access-control-allow-credentials": "true" };
      res.writeHead(204, { ...allowed, "access-control-allow-origin": req.headers.origin }).end();
    } else if (pathname === "/cut") {
      connections.get(searchParams.get("connection")).terminate();
      const room = realtime.topic("room:{room}", { room: searchParams.get("room") });
      for (const text of ["two", "three"]) await room.publish("message", text);
      res.writeHead(204, headers).end();
    } else if (pathname === "/tries") res.writeHead(200, headers).end(JSON.stringify(visits.get(searchParams.get("as"))));
    else if (pathname === "/") {
      res.writeHead(200, { ...headers, "content-type": "text/html", "set-cookie": "visitor=1" });
      res.end('<!doctype html><link rel="icon" href="data:,"><script type="module" src="/page.js"></script>');
    } else res.writeHead(200, { ...headers, "content-type": "text/javascript" }).end(FILES[pathname]());
  }

  const route = websocket(realtime);
  const server = createServer((req, res) => void (req.method === "GET" && req.url.startsWith("/ws?") ? route(req, res) : answer(req, res)));
  attach(server);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    async close() {
      server.closeAllConnections();
      for (const connection of connections.values()) connection.terminate();
      await once(server.close(), "close");
      await realtime.stop();
    },
  };
}
