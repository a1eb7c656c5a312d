// What others do under the same attack: no upwire in here.
import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { Server as SocketIoServer } from "socket.io";
import { WebSocketServer } from "ws";

export interface RunningControl {
  readonly server: Server;
  broadcast(text: string): void;
  connections(): number;
}

export const controls: Readonly<Record<string, () => Promise<RunningControl>>> = {
  /** The loop that the documentation of `ws` shows. */
  async "ws loop"() {
    const server = createServer();
    const wss = new WebSocketServer({ server, path: "/ws" });
    wss.on("connection", (ws) => {
      ws.on("error", () => {});
      ws.on("message", (data, isBinary) => ws.send(data, { binary: isBinary }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return {
      server,
      broadcast(text) {
        for (const client of wss.clients) if (client.readyState === client.OPEN) client.send(text);
      },
      connections: () => wss.clients.size,
    };
  },

  /** Takes messages of any length, whole, and answers with that. */
  async "ws whole"() {
    const server = createServer();
    const wss = new WebSocketServer({ server, path: "/ws", maxPayload: 2 ** 31 });
    wss.on("connection", (ws) => {
      ws.on("error", () => {});
      ws.on("message", (data: Buffer) => ws.send(`${data.byteLength}`));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { server, broadcast: () => {}, connections: () => wss.clients.size };
  },

  async "Socket.IO"() {
    const server = createServer();
    const io = new SocketIoServer(server, { transports: ["websocket"], path: "/ws" });
    io.on("connection", (socket) => void socket.on("m", (text: string) => socket.emit("m", text)));
    await once(server.listen(0, "127.0.0.1"), "listening");
    return { server, broadcast: (text) => void io.emit("m", text), connections: () => io.engine.clientsCount };
  },
};

export const controlNames: readonly string[] = Object.keys(controls);
