// A process of clients: bare sockets that shake hands, answer pings and count text messages.
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { serve, settingsOfChild } from "@upwire-apps/faults/child";
import { nowUs } from "../cross/text.ts";
import type { ClientsApi, ClientsSettings } from "./api.ts";

/** Handshakes at a time. */
const WINDOW = 64;
const TRIES = 10;
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
  await once(socket, "connect");
  const key = randomBytes(16).toString("base64");
  socket.write(
    `GET / HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\n\r\n`,
  );
  const ended = once(socket, "close").then(() => Promise.reject(new Error("the server closed a connection before it answered")));
  ended.catch(() => {});
  const [answer] = await Promise.race([once(socket, "data") as Promise<[Buffer]>, ended]);
  if (!answer.toString("latin1").startsWith("HTTP/1.1 101 ")) throw new Error(`the server answered ${answer.toString("latin1", 0, 60)}`);
  heardBy.set(socket, 0);
  socket.on("close", () => closed++);
  socket.on("data", (bytes: Buffer) => read(socket, bytes));
}

async function isOpened(): Promise<boolean> {
  try {
    await open();
    return true;
  } catch (error) {
    console.error(`again: ${error instanceof Error ? error.message : String(error)}`);
    return false;
  }
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
      while (left-- > 0) {
        // On a machine without time to spare a handshake may take longer than the server allows.
        for (let tries = 1; !(await isOpened()); tries++) if (tries === TRIES) throw new Error(`a client was not let in with ${TRIES} tries`);
      }
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
