import { createServer } from "node:http";
import { Server } from "socket.io";
import { listen, type Row } from "./row.ts";

/** WebSocket only, so that nobody pays for long polling. */
export const row: Row = {
  start({ mode, deflate }) {
    const server = createServer();
    const io = new Server(server, { transports: ["websocket"], perMessageDeflate: deflate && { threshold: 0 } });
    io.on("connection", (socket) => {
      const { room } = socket.handshake.query;
      if (mode === "rooms" && typeof room === "string") void socket.join(`room:${room}`);
      socket.on("m", (text: string) => {
        if (mode === "echo") socket.emit("m", text);
        else if (mode === "rooms") io.to(`room:${String(room)}`).emit("m", text);
        else io.emit("m", text);
      });
    });
    return listen(server);
  },
};
