import { createServer } from "node:http";
import { Server } from "socket.io";
import { EVENT, TOPIC } from "../topic-text.ts";
import { listen, type Row } from "./row.ts";

const MINUTES = 60_000;

/** A room of Socket.IO, WebSocket only. With `recovery`, members that come back get what they missed. */
export function roomRow({ recovery }: { readonly recovery: boolean }): Row {
  const server = createServer();
  const io = new Server(server, {
    transports: ["websocket"],
    // What is older is thrown away: two minutes as it comes, which is less than a slow measurement takes.
    ...(recovery && { connectionStateRecovery: { maxDisconnectionDuration: 60 * MINUTES } }),
    // Clients wait for their turn between opening and joining.
    connectTimeout: 60 * MINUTES,
  });
  const say = (text: string): void => void io.to(TOPIC).emit(EVENT, { text });
  io.on("connection", (socket) => {
    const { room } = socket.handshake.query;
    // A socket that is recovered has its rooms.
    if (room !== undefined && !socket.recovered) void socket.join(TOPIC);
    socket.on("m", say);
  });
  return {
    start: () => listen(server),
    async publish(texts) {
      for (const text of texts) say(text);
    },
  };
}
