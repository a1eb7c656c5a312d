import type { RunningDemo, StartOptions } from "@upwire-apps/chat";
import { attach, websocket } from "@upwire/core";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import { promisify } from "node:util";

export async function start({ demo, host, port, tls }: StartOptions): Promise<RunningDemo> {
  const page = demo.chatPage("node");
  const routes = new Map<string, (req: IncomingMessage, res: ServerResponse) => unknown>([
    ["GET /", (_req, res) => res.writeHead(200, page.headers).end(page.html)],
    ["GET /ws", websocket(demo.chat, demo.chatOptions)],
    ["GET /ws/echo", websocket(demo.echo, demo.chatOptions)],
    ["GET /ws/echo_display", (_req, res) => res.writeHead(200, demo.echoPage.headers).end(demo.echoPage.html)],
    ["GET /healthz", (_req, res) => res.end("ok")],
  ]);
  const listener = (req: IncomingMessage, res: ServerResponse): void => {
    const route = routes.get(`${req.method} ${req.url?.split("?", 1)[0]}`);
    if (route) route(req, res);
    else res.writeHead(404).end("Not Found");
  };

  const server = tls ? createSecureServer(tls, listener) : createServer(listener);
  const attachment = attach(server);
  await once(server.listen(port, host), "listening");
  return { server, attachment, close: promisify(server.close.bind(server)) };
}
