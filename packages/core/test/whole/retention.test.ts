import { once } from "node:events";
import { createServer, type IncomingMessage } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import type { Duplex } from "node:stream";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { attach, Upgrader, type Connection, type ConnectionHandler } from "@upwire/core";
import { accept, check, handOverTo } from "@upwire/core/adapter";
import { expect, it, onTestFinished } from "vitest";
import { WebSocketServer } from "ws";
import { serve } from "../helpers/served.ts";

setFlagsFromString("--expose_gc");
const collect = runInNewContext("gc") as () => void;

const text = (letter: string): Buffer => Buffer.from([0x81, 0x81, 0, 0, 0, 0, letter.charCodeAt(0)]);
const CLOSE = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8]);

function handshake(port: number): Buffer {
  const lines = ["GET / HTTP/1.1", `Host: 127.0.0.1:${port}`, "Connection: Upgrade", "Upgrade: websocket"];
  return Buffer.from([...lines, "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "", ""].join("\r\n"));
}

it.each(["the application", "a plugin"])("lets the upgrade request go while its connection is open, through %s", async (way) => {
  const upgrader = new Upgrader();
  let request: WeakRef<IncomingMessage> | undefined;
  const opened: Connection[] = [];
  const handler: ConnectionHandler = { open: (connection) => void opened.push(connection) };
  const server = createServer((req, res) => {
    request = new WeakRef(req);
    void upgrader.upgrade(req, res, handler);
  });
  const wss = new WebSocketServer({ noServer: true });
  const handOver = async (req: IncomingMessage, socket: Duplex, head: Buffer): Promise<void> => {
    request = new WeakRef(req);
    await check(upgrader, req);
    wss.handleUpgrade(req, socket, head, (ws) => {
      // As plugins do: what hangs on the `ws` holds the request.
      ws.on("error", () => void req.url);
      void accept(upgrader, ws, req, handler);
    });
  };
  attach(server, way === "a plugin" ? { handOver: handOverTo(handOver) } : {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  client.write(handshake(port));
  await once(client, "data");
  for (let turn = 0; turn < 50 && request?.deref() !== undefined; turn++) {
    await new Promise((next) => setImmediate(next));
    collect();
  }
  expect([request?.deref(), opened[0]?.state]).toEqual([undefined, "open"]);
  client.destroy();
});

it("leaves nothing of the handshake on the socket", async () => {
  const sockets: Socket[] = [];
  const upgrader = new Upgrader();
  const server = createServer((req, res) => {
    sockets.push(req.socket);
    void upgrader.upgrade(req, res);
  });
  attach(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  onTestFinished(() => void server.close());
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  client.write(handshake(port));
  await once(client, "data");
  const left = ["close", "error", "end"].map((event) => sockets[0]?.listenerCount(event));
  // One each of the connection; the end is Node's own business too.
  expect(left).toEqual([1, 1, 2]);
  client.destroy();
});

it("gives every message that came before the end of TCP, also to one who pulls late", async () => {
  const served = await serve(undefined);
  const client = connect(served.port, "127.0.0.1");
  client.write(handshake(served.port));
  await once(client, "data");
  client.end(Buffer.concat([text("a"), text("b"), text("c"), CLOSE]));
  const connection = await served.nextConnection();
  // The end is here before anybody pulls.
  for (let turn = 0; turn < 20; turn++) await new Promise((next) => setImmediate(next));
  const got: string[] = [];
  for await (const message of connection) got.push(message.text());
  expect([got, (await connection.closed).code]).toEqual([["a", "b", "c"], 1000]);
});
