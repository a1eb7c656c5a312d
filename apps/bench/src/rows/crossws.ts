import crossws from "crossws/adapters/node";
import { createServer } from "node:http";
import { Loop } from "./loop.ts";
import { listen, roomOf, type Row } from "./row.ts";

export const row: Row = {
  start({ mode }) {
    const loop = new Loop<string>();
    const room = (url: string | undefined): string => (mode === "rooms" ? roomOf(url) : "");
    const adapter = crossws({
      hooks: {
        open(peer) {
          if (mode !== "echo") loop.join(peer, room(peer.request.url));
        },
        message(peer, message) {
          if (mode === "echo") peer.send(message.text());
          else loop.broadcast(message.text(), room(peer.request.url));
        },
        close(peer) {
          loop.leave(peer, room(peer.request.url));
        },
      },
    });
    const server = createServer();
    server.on("upgrade", (req, socket, head) => void adapter.handleUpgrade(req, socket, head));
    return listen(server);
  },
};
