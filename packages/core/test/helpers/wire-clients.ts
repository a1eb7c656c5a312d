import { createServer } from "node:http";
import { setImmediate } from "node:timers/promises";
import { constants, inflateRawSync } from "node:zlib";
import { attach, Message, PreparedMessage, type Connection, type ConnectionHandler, type SendOptions, type Upgrader } from "@upwire/core";
import { FakeSocket } from "./fake-socket.ts";

const TAIL = Buffer.from([0, 0, 0xff, 0xff]);

export interface OpenedSocket {
  readonly connection: Connection;
  readonly socket: FakeSocket;
  /** The extensions that were agreed on. */
  readonly extensions: string;
}

/** Opens a connection on a socket that takes bytes when a test says so. @param offer Of extensions. */
export async function openSocket(
  upgrader: Upgrader,
  offer: string | undefined,
  handler: ConnectionHandler = {},
  socket: FakeSocket = new FakeSocket(),
): Promise<OpenedSocket> {
  const server = createServer();
  attach(server);
  const opening = new Promise<Connection>((opened) => {
    server.on("request", (req, res) => void upgrader.upgrade(req, res, { ...handler, open: opened }));
  });
  server.emit("connection", socket);
  socket.receive(
    "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n" +
      `Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n${offer === undefined ? "" : `Sec-WebSocket-Extensions: ${offer}\r\n`}\r\n`,
  );
  const connection = await opening;
  await setImmediate();
  const head = Buffer.concat(socket.written.splice(0)).toString("latin1");
  return { connection, socket, extensions: /^sec-websocket-extensions: (.*)\r$/im.exec(head)?.[1] ?? "" };
}

/** The messages and pings that a client was sent, and `close` for a close frame. Throws for what is no valid stream. */
export function read({ socket, extensions }: { readonly socket: Pick<FakeSocket, "written">; readonly extensions: string }): string[] {
  const stream = Buffer.concat(socket.written);
  const got: string[] = [];
  const keepsWindow = !extensions.includes("server_no_context_takeover");
  const windowBits = Number(/server_max_window_bits=(\d+)/.exec(extensions)?.[1] ?? 15);
  let window = Buffer.alloc(0);
  const inflated = (payload: Buffer): Buffer => {
    if (!extensions.startsWith("permessage-deflate")) throw new Error("a compressed frame that was not agreed on");
    const dictionary = keepsWindow && window.byteLength > 0 ? { dictionary: window } : {};
    const bytes = inflateRawSync(Buffer.concat([payload, TAIL]), { finishFlush: constants.Z_SYNC_FLUSH, windowBits, ...dictionary });
    window = Buffer.concat([window, bytes]).subarray(-(2 ** windowBits));
    return bytes;
  };
  let parts: Buffer[] = [];
  let isDeflated = false;
  for (let at = 0; at < stream.byteLength;) {
    const first = stream.readUInt8(at);
    const short = stream.readUInt8(at + 1);
    const start = at + (short === 127 ? 10 : short === 126 ? 4 : 2);
    const end = start + (short === 127 ? Number(stream.readBigUInt64BE(at + 2)) : short === 126 ? stream.readUInt16BE(at + 2) : short);
    if (end > stream.byteLength) throw new Error("half a frame");
    const payload = stream.subarray(start, end);
    at = end;
    if ((first & 0x0f) === 9) got.push(`ping ${payload.toString()}`);
    else if ((first & 0x0f) === 8) got.push("close");
    else {
      if (parts.length > 0 !== ((first & 0x0f) === 0)) throw new Error("fragments of two messages mix");
      if (parts.length === 0) isDeflated = (first & 0x40) !== 0;
      parts.push(payload);
      if ((first & 0x80) === 0) continue;
      const whole = Buffer.concat(parts);
      got.push((isDeflated ? inflated(whole) : whole).toString());
      parts = [];
    }
  }
  return got;
}

/** Sends `text` to one client in one of the ways there are. */
export function send(connection: Connection, as: string, text: string, options?: SendOptions<Connection>): boolean {
  const bytes = Buffer.from(text);
  if (as === "bytes") return connection.send(bytes, options);
  if (as === "message") return connection.send(new Message(Buffer.concat([bytes, bytes]), true, bytes.byteLength), options);
  if (as === "prepared") return connection.send(new PreparedMessage(text), options);
  if (as === "blob") return connection.send(new Blob([text]), options);
  return connection.send(text, options);
}

/** Until everything has left. */
export async function settled(clients: readonly Pick<OpenedSocket, "connection" | "socket">[]): Promise<void> {
  for (let turns = 0; turns < 1000 && clients.some(({ connection }) => connection.bufferedBytes > 0); turns++) {
    for (const { socket } of clients) socket.release();
    await setImmediate();
  }
}
