import { createServer } from "node:http";
import { WebSocketServer, type RawData } from "ws";
import { frameText } from "../frame-text.ts";
import { Loop } from "./loop.ts";
import { listen, roomOf, type Row } from "./row.ts";

/** `ws` reads; a broadcast is framed once and written by us, one write for each socket and message. */
export const row: Row = {
  start({ mode }) {
    const server = createServer();
    const wss = new WebSocketServer({ noServer: true });
    const loop = new Loop<Buffer>();
    // The public way to the socket of a `ws`: it is ours before `handleUpgrade` gets it.
    server.on("upgrade", (req, socket, head) => {
      const room = mode === "rooms" ? roomOf(req.url) : "";
      const member = { send: (frame: Buffer) => void socket.write(frame) };
      wss.handleUpgrade(req, socket, head, (ws) => {
        ws.on("error", () => ws.terminate());
        loop.join(member, room);
        ws.on("message", (data) => {
          const frame = frameText(bytesOf(data));
          if (mode === "echo") member.send(frame);
          else loop.broadcast(frame, room);
        });
        ws.on("close", () => loop.leave(member, room));
      });
    });
    return listen(server);
  },
};

function bytesOf(data: RawData): Buffer {
  if (Array.isArray(data)) return Buffer.concat(data);
  return Buffer.isBuffer(data) ? data : Buffer.from(data);
}
