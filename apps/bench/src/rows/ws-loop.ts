import type { RawData, WebSocket } from "ws";
import { Loop } from "./loop.ts";
import { roomOf, type Load } from "./row.ts";

interface Incoming {
  readonly data: RawData;
  readonly binary: boolean;
}

/** What a `ws` object does in each mode, whichever library opened it. */
export function serveWs({ mode }: Load): (ws: WebSocket, url: string | undefined) => void {
  const loop = new Loop<Incoming>();
  return (ws, url) => {
    ws.on("error", () => ws.terminate());
    if (mode === "echo") {
      ws.on("message", (data, binary) => ws.send(data, { binary }));
      return;
    }
    const room = mode === "rooms" ? roomOf(url) : "";
    const member = { send: ({ data, binary }: Incoming) => ws.send(data, { binary }) };
    loop.join(member, room);
    ws.on("message", (data, binary) => loop.broadcast({ data, binary }, room));
    ws.on("close", () => loop.leave(member, room));
  };
}

/** `perMessageDeflate` of a `WebSocketServer`; with context takeover, as it comes. */
export function deflateOption({ deflate }: Load): false | { readonly threshold: number } {
  return deflate && { threshold: 0 };
}
