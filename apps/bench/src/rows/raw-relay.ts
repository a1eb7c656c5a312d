import { createServer, type Socket } from "node:net";
import { acceptKey } from "../accept-key.ts";
import { frameText } from "../frame-text.ts";
import { portOf, roomOf, type Row } from "./row.ts";

/** Sockets that get the same frames: everybody, one room, or in echo one socket alone. */
export interface Audience {
  readonly sockets: Set<Socket>;
  send(frame: Buffer): void;
}

/**
 * What Node's `net` can do at best: no HTTP server, no checks, no limits. It trusts its clients, which a benchmark may and a
 * server must not.
 */
export function rawRelay(createAudience: () => Audience): Row {
  return {
    start({ mode }) {
      const rooms = new Map<string, Audience>();
      const audienceFor = (head: string): Audience => {
        if (mode === "echo") return createAudience();
        const name = mode === "rooms" ? roomOf(/^GET (\S+)/.exec(head)?.[1]) : "";
        const room = rooms.get(name) ?? createAudience();
        rooms.set(name, room);
        return room;
      };
      const server = createServer({ noDelay: true }, (socket) => {
        socket.on("error", () => socket.destroy());
        socket.once("data", (request) => {
          const head = request.toString("latin1");
          socket.write(switchingProtocols(/^sec-websocket-key: *(\S+)/im.exec(head)?.[1] ?? ""));
          const audience = audienceFor(head);
          audience.sockets.add(socket);
          socket.on("close", () => audience.sockets.delete(socket));
          let rest: Buffer | undefined;
          socket.on("data", (chunk) => {
            const data = rest === undefined ? chunk : Buffer.concat([rest, chunk]);
            rest = readClientFrames(data, (payload) => audience.send(frameText(payload)));
          });
        });
      });
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ port: 0, host: "127.0.0.1", backlog: 4096 }, () => resolve(portOf(server)));
      });
    },
  };
}

function switchingProtocols(key: string): string {
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${acceptKey(key)}\r\n\r\n`;
}

/** Whole masked frames of at most 65,535 bytes, unmasked in place. @returns the bytes of an unfinished one. */
function readClientFrames(data: Buffer, onMessage: (payload: Buffer) => void): Buffer | undefined {
  let at = 0;
  while (data.length - at >= 6) {
    const short = (data[at + 1] ?? 0) & 0x7f;
    const header = short === 126 ? 8 : 6;
    if (data.length - at < header) break;
    const length = short === 126 ? data.readUInt16BE(at + 2) : short;
    const end = at + header + length;
    if (data.length < end) break;
    const payload = data.subarray(at + header, end);
    const mask = data.subarray(at + header - 4, at + header);
    for (let i = 0; i < length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i & 3] ?? 0);
    if (((data[at] ?? 0) & 0x0f) <= 2) onMessage(payload);
    at = end;
  }
  return at < data.length ? Buffer.from(data.subarray(at)) : undefined;
}
