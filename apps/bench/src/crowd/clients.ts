// A process of clients: bare sockets that shake hands, answer pings and count text messages.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { serve, settingsOfChild } from "@upwire-apps/faults/child";
import { nowUs } from "../cross/text.ts";
import type { ClientsApi, ClientsSettings } from "./api.ts";

/** Handshakes at a time. */
const WINDOW = 64;
const TEXT = 0x81;
const PING = 0x89;
/** Masked, without a payload. */
const PONG = Buffer.from([0x8a, 0x80, 0, 0, 0, 0]);

const { port, from, count } = settingsOfChild() as ClientsSettings;
const heardBy = new Map<Socket, number>();
let lastUs = 0;
let closed = 0;

async function open(): Promise<void> {
  const socket = connect({ port, host: "127.0.0.1", localAddress: from, noDelay: true });
  socket.on("close", () => closed++);
  await once(socket, "connect");
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const [answer] = (await once(socket, "data")) as [Buffer];
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(`the server answered ${answer.toString("latin1", 0, 60)}`);
  heardBy.set(socket, 0);
  socket.on("data", (bytes: Buffer) => read(socket, bytes));
}

/** Short frames, which always come whole: a server writes each of them in one piece, and the kernel has room. */
function read(socket: Socket, bytes: Buffer): void {
  for (let at = 0; at + 1 < bytes.length; at += 2 + (bytes[at + 1] ?? 0)) {
    if (bytes[at] === PING) socket.write(PONG);
    if (bytes[at] !== TEXT) continue;
    lastUs = nowUs();
    heardBy.set(socket, (heardBy.get(socket) ?? 0) + 1);
  }
}

const api: ClientsApi = {
  async open() {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await open();
    };
    await Promise.all(Array.from({ length: WINDOW }, worker));
  },
  clear() {
    for (const socket of heardBy.keys()) heardBy.set(socket, 0);
    lastUs = 0;
  },
  heard() {
    const counts = [...heardBy.values()];
    const messages = counts.reduce((sum, heard) => sum + heard, 0);
    return { messages, once: counts.filter((heard) => heard === 1).length, lastUs, closed };
  },
};
serve(api);
