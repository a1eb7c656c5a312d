// Starts demos in this process: one of them, or all four frameworks with one chat and an index page.
import { createChat, indexPage } from "@upwire-apps/chat";
import { defaults } from "@upwire/core";
import { createMetrics } from "@upwire/metrics";
import { metricsHandler, readinessHandler } from "@upwire/metrics/node";
import { once } from "node:events";
import { createServer } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { promisify } from "node:util";
import { demos, frameworks } from "./demos.mjs";

/**
 * A demo is open to whoever reaches it, which on the loopback interface is to be this machine: its names keep pages out whose own
 * name was made to lead here. On other interfaces its names are not known, and tests ask by `anyName`.
 */
function createDemo({ host, anyName = false, restore, worker }) {
  if (anyName) return createChat({ restore });
  return createChat({ allowedHosts: isLoopback(host) ? namesOf(host) : undefined, restore, worker });
}

function isLoopback(host) {
  return /^(?:localhost|127\.|::1$)/i.test(host);
}

/** What a demo on the loopback interface is called. */
function namesOf(host) {
  return ["localhost", "127.0.0.1", "[::1]", bracketed(host)];
}

/** One demo alone. */
export async function startOne(name, options) {
  const demo = createDemo(options);
  const running = await startDemo(name, demo, options).catch(async (error) => {
    await demo.stop();
    throw error;
  });
  return { demos: [running], ...endsOf(demo, [running]) };
}

/**
 * All frameworks with one chat on the ports after `port`, which has the index page, and on a loopback address `/metrics` and `/ready` too.
 * Port 0 takes free ones.
 */
export async function startAll({ port, ...options }) {
  const demo = createDemo(options);
  const running = [];
  try {
    for (const [i, name] of frameworks.entries()) {
      running.push(await startDemo(name, demo, { ...options, port: port && port + 1 + i }));
    }
    const index = await startIndex(running, demo, { ...options, port });
    return { index, demos: running, ...endsOf(demo, [...running, index]) };
  } catch (error) {
    await closeAll(demo, running);
    throw error;
  }
}

async function startDemo(name, demo, { host, port, tls }) {
  const { start } = await demos[name]();
  const { server, attachment, close } = await start({ demo, host, port, tls });
  return { name, server, attachment, close, ...addressOf(server, { host, tls }) };
}

async function startIndex(running, demo, { host, port, tls }) {
  const monitor = monitoring(running, demo, host);
  const listener = (req, res) => {
    const answer = monitor.pages.get(req.url);
    // A page whose own name was made to lead here gets no figures.
    if (answer !== undefined && namesOf(host).includes(hostnameIn(req.headers.host))) {
      answer(req, res);
      return;
    }
    if (req.method !== "GET" || req.url !== "/") {
      res.writeHead(404, { "content-type": "text/plain" }).end("Not Found");
      return;
    }
    const hostname = hostnameIn(req.headers.host) ?? bracketed(host);
    const links = running.map(({ name, scheme, port: at }) => ({ name, url: `${scheme}://${hostname}:${at}/` }));
    const page = indexPage(links, defaults);
    res.writeHead(200, page.headers).end(page.html);
  };
  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  await once(server.listen(port, host), "listening");
  server.once("close", () => monitor.stop());
  return { name: "index", server, close: promisify(server.close.bind(server)), ...addressOf(server, { host, tls }) };
}

/** Figures are for the developer who runs the demo: on an address that other machines reach there are none. */
function monitoring(running, { realtime }, host) {
  if (!isLoopback(host)) return { pages: new Map(), stop() {} };
  const attachments = Object.fromEntries(running.map(({ name, attachment }) => [name, attachment]));
  const metrics = createMetrics({ attachments, realtimes: { chat: realtime } });
  const pages = new Map([
    ["/metrics", metricsHandler(metrics)],
    ["/ready", readinessHandler(metrics)],
  ]);
  return { pages, stop: () => metrics.stop() };
}

function addressOf(server, { host, tls }) {
  const { port } = server.address();
  const scheme = tls ? "https" : "http";
  return { scheme, port, url: `${scheme}://${bracketed(host)}:${port}` };
}

function bracketed(host) {
  return host.includes(":") ? `[${host}]` : host;
}

/** The name by which a visitor reached us, so that the links also work from another machine. */
function hostnameIn(hostHeader = "") {
  return /^([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::\d+)?$/i.exec(hostHeader)?.[1];
}

function endsOf(demo, running) {
  return {
    close: () => closeAll(demo, running),
    async saveAndClose(keep) {
      const closed = closeServers(running);
      // By now no client is heard any more.
      await keep(await demo.save());
      await closed;
      await demo.stop();
    },
  };
}

async function closeAll(demo, running) {
  await closeServers(running);
  await demo.stop();
}

async function closeServers(running) {
  const closed = running.map(({ close }) => close());
  // Page loads and idle keep-alives; an upgraded socket is no longer among them.
  for (const { server } of running) server.closeAllConnections();
  await Promise.all(closed);
}
