import { once } from "node:events";
import { createSecureServer } from "node:http2";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { json } from "node:stream/consumers";
import { attach, websocket } from "@upwire/core";
import { describeHttp2 } from "@upwire/testing";

describeHttp2("node", async ({ routes, attachOptions, tls }) => {
  const served = new Map(routes.map(({ path, handler, options }) => [path, websocket(handler, options)]));
  const listener = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const route = served.get(req.url ?? "");
    if (route !== undefined) await route(req, res);
    else if (req.url === "/body") res.end(JSON.stringify(await json(req)));
    else res.end("http");
  };
  const server = createSecureServer({ ...tls, allowHTTP1: true }, (req: unknown, res: unknown) => void listener(req as IncomingMessage, res as ServerResponse));
  const attachment = attach(server, attachOptions);
  await once(server.listen(0, "127.0.0.1"), "listening");
  return { port: (server.address() as AddressInfo).port, attachment, close: async () => void server.close() };
});
