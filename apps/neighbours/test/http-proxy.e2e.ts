import { once } from "node:events";
import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { attach, type AttachOptions } from "@upwire/core";
import { WireClient } from "@upwire/testing";
import { createProxyMiddleware, type RequestHandler } from "http-proxy-middleware";
import { describe, expect, it } from "vitest";
import { WebSocketServer } from "ws";
import { expectOurs, fakeClock, handshake, HANDSHAKE_MS, listen, passDeadline, serverWithOurs } from "./beside.ts";

interface Upstream {
  readonly port: number;
  /** The paths of the handshakes that came. */
  readonly handshakes: readonly (string | undefined)[];
}

/** Another server, whose WebSockets answer with what they got; it also has a page. */
async function upstream(): Promise<Upstream> {
  const server = createServer((_req, res) => void res.end("the page of the other server"));
  const handshakes: (string | undefined)[] = [];
  server.on("upgrade", (req) => handshakes.push(req.url));
  const wss = new WebSocketServer({ server });
  wss.on("connection", (ws) => {
    // The proxy may cut it off.
    ws.on("error", () => {});
    ws.on("message", (data) => ws.send(`theirs: ${(data as Buffer).toString()}`));
  });
  return { port: await listen(server), handshakes };
}

function proxyTo({ port }: Upstream): RequestHandler {
  return createProxyMiddleware({ target: `http://127.0.0.1:${port}`, pathFilter: "/theirs" });
}

const page = (port: number): Promise<Response> => fetch(`http://127.0.0.1:${port}/theirs`);

it("lives through http-proxy-middleware with ws: true, which only listens from its first request on", async () => {
  const other = await upstream();
  const proxy = createProxyMiddleware({ target: `http://127.0.0.1:${other.port}`, pathFilter: "/theirs", ws: true });
  const server = serverWithOurs((req, res) => void proxy(req, res, () => res.writeHead(404).end("no such page")));
  const clock = fakeClock();
  attach(server, { clock, handshakeTimeoutMs: HANDSHAKE_MS });
  const port = await listen(server);
  // It is middleware only, and does nothing at all with the 101 of the other server.
  const first = await WireClient.open({ port, path: "/theirs" });
  while (other.handshakes.length === 0) await setImmediate();
  clock.advance(HANDSHAKE_MS * 2);
  expect((await first.answered).status).toBe(408);
  const client = await handshake(port, "/theirs");
  expect(client.status).toBe(101);
  client.sendText("hello");
  expect((await client.nextMessage()).text).toBe("theirs: hello");
  await expectOurs(port);
});

const orders = ["attach before the proxy", "the proxy before attach"] as const;

describe.each(orders)("http-proxy-middleware on the same server, %s", (order) => {
  async function serve(options: { readonly proxiesUpgradesInApp: "yes" | "no" } & AttachOptions) {
    const { proxiesUpgradesInApp, ...attachOptions } = options;
    const other = await upstream();
    const proxy = proxyTo(other);
    const server = serverWithOurs((req, res) => {
      const missing = (): unknown => res.writeHead(404).end("no such page");
      if (req.headers.upgrade !== undefined && proxiesUpgradesInApp === "no") missing();
      else void proxy(req, res, missing);
    });
    const clock = fakeClock();
    const upgrade = proxy.upgrade as unknown as Parameters<typeof server.on>[1];
    if (order === "the proxy before attach") server.on("upgrade", upgrade);
    attach(server, { clock, handshakeTimeoutMs: HANDSHAKE_MS, ...attachOptions });
    if (order === "attach before the proxy") server.on("upgrade", upgrade);
    return { server, port: await listen(server), other, clock };
  }

  async function expectTheirs(port: number): Promise<WireClient> {
    const client = await handshake(port, "/theirs");
    expect(client.status).toBe(101);
    client.sendText("hello");
    expect((await client.nextMessage()).text).toBe("theirs: hello");
    return client;
  }

  it("leaves the proxied WebSocket alone, past every deadline of ours, and serves our route", async () => {
    const { port, other, clock } = await serve({ proxiesUpgradesInApp: "no" });
    const client = await expectTheirs(port);
    await passDeadline(clock);
    client.sendText("again");
    expect((await client.nextMessage()).text).toBe("theirs: again");
    expect(other.handshakes).toEqual(["/theirs"]);
    await expectOurs(port);
    expect(await (await page(port)).text()).toBe("the page of the other server");
  });

  it("leaves it alone too when the application proxies the same path for ordinary requests", async () => {
    const { port, clock } = await serve({ proxiesUpgradesInApp: "yes" });
    const client = await expectTheirs(port);
    await passDeadline(clock);
    client.sendText("again");
    expect((await client.nextMessage()).text).toBe("theirs: again");
    await expectOurs(port);
  });

  it("closes the response that the application wrote to, once the proxy has answered", async () => {
    const { server, port, clock } = await serve({ proxiesUpgradesInApp: "no" });
    const closed = new Promise((resolve) => server.once("request", (_req, res) => res.once("close", resolve)));
    await expectTheirs(port);
    await passDeadline(clock);
    await closed;
  });

  it("is proxied once with match, whatever the application does with that path", async () => {
    const { port, other, clock } = await serve({ proxiesUpgradesInApp: "yes", match: (req) => req.url === "/ours" });
    const client = await expectTheirs(port);
    await passDeadline(clock);
    client.sendText("again");
    expect((await client.nextMessage()).text).toBe("theirs: again");
    expect(other.handshakes).toEqual(["/theirs"]);
    await expectOurs(port);
  });

  it("answers with the application's 404 at the deadline what neither the proxy nor a route of ours took", async () => {
    const { server, port, clock } = await serve({ proxiesUpgradesInApp: "no" });
    const requested = once(server, "request");
    const client = await WireClient.open({ port, path: "/nobody" });
    await requested;
    await setImmediate();
    clock.advance(HANDSHAKE_MS * 2);
    expect((await client.answered).status).toBe(404);
    await client.closed;
  });
});
