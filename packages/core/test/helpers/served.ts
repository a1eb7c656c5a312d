import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { attach, Upgrader, type Attachment, type AttachOptions, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";
import { onTestFinished } from "vitest";
import { WebSocket, type ClientOptions, type RawData } from "ws";

export interface Served {
  readonly server: Server;
  readonly attachment: Attachment;
  readonly port: number;
  /** The connection of the next client that arrives. */
  nextConnection(): Promise<Connection>;
  /** An open client. */
  client(options?: ClientOptions): Promise<WebSocket>;
}

/** A server whose every path is a WebSocket route; it ends with the test. */
export async function serve(
  handler: ConnectionHandler | undefined,
  options: UpgraderOptions | Upgrader = {},
  attachOptions: AttachOptions = {},
): Promise<Served> {
  const upgrader = Upgrader.from(options);
  const arrived: Connection[] = [];
  const waiting: ((connection: Connection) => void)[] = [];
  const onRequest = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const connection = await upgrader.upgrade(req, res, handler);
    if (connection === undefined) return;
    const take = waiting.shift();
    if (take === undefined) arrived.push(connection);
    else take(connection);
  };
  const server = createServer((req, res) => void onRequest(req, res));
  const attachment = attach(server, attachOptions);
  await new Promise<void>((listening) => {
    server.listen(0, "127.0.0.1", listening);
  });
  onTestFinished(async () => {
    await attachment.close({ graceMs: 100 });
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  return {
    server,
    attachment,
    port,
    nextConnection: async () => arrived.shift() ?? new Promise((resolve) => waiting.push(resolve)),
    client: (clientOptions) => open(port, clientOptions),
  };
}

export function open(port: number, options: ClientOptions = {}): Promise<WebSocket> {
  const client = new WebSocket(`ws://127.0.0.1:${port}/`, options);
  return new Promise((resolve, reject) => {
    client.once("open", () => resolve(client));
    client.once("error", reject);
  });
}

export function nextMessage(client: WebSocket): Promise<{ readonly text: string; readonly isBinary: boolean; readonly bytes: Buffer }> {
  return new Promise((resolve) => {
    client.once("message", (data, isBinary) => {
      const bytes = data as Buffer;
      resolve({ text: bytes.toString(), isBinary, bytes });
    });
  });
}

export function closing(client: WebSocket): Promise<{ readonly code: number; readonly reason: string }> {
  return new Promise((resolve) => {
    client.once("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
}

/** The texts of the next `count` messages. */
export function nextTexts(client: WebSocket, count: number): Promise<string[]> {
  const texts: string[] = [];
  return new Promise((resolve) => {
    client.on("message", (data) => {
      if (texts.push(textOf(data)) === count) resolve(texts);
    });
  });
}

export function textOf(data: RawData): string {
  return (data as Buffer).toString();
}

/** The next time that `client` has a `ping`, `pong`, or any other event. */
export function event(client: WebSocket, name: "ping" | "pong"): Promise<Buffer> {
  return new Promise((resolve) => client.once(name, resolve));
}
