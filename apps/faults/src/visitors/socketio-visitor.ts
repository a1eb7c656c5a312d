import { io } from "socket.io-client";
import { nowMs } from "../now.ts";
import { EVENT, topics, type Said } from "../traffic.ts";
import type { VisitorSetup } from "./upwire-visitor.ts";
import type { Visitor } from "./visitor.ts";

/** A client of Socket.IO; the server puts it into the rooms. That it was away and did not recover is what it knows of a loss. */
export function socketIoVisitor({ id, notebook, nextPort }: VisitorSetup): Visitor {
  const socket = io(`ws://127.0.0.1:${nextPort()}`, { transports: ["websocket"], forceNew: true, reconnectionDelay: 100, reconnectionDelayMax: 500 });
  let wasConnected = false;
  for (const { topic } of topics) notebook.begin(id, topic);
  socket.on("connect", () => {
    if (wasConnected && !socket.recovered) for (const { topic } of topics) notebook.write(id, topic, { kind: "gap", at: nowMs(), reason: "not recovered" });
    wasConnected = true;
  });
  socket.on(EVENT, (topic: string, said: Said) => notebook.write(id, topic, { kind: "message", at: nowMs(), ...said }));
  return {
    id,
    get subscribed() {
      return socket.connected ? topics.length : 0;
    },
    close: () => socket.disconnect(),
  };
}
