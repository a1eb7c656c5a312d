import { attach, createHub, websocket, type ConnectionHandler } from "@upwire/core";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";

const hub = createHub();
/** As much as a v1 client gets that has subscribed to one topic. */
const GREETINGS = ["h".repeat(200), "s".repeat(100)];

const handlers: Readonly<Record<"alone" | "greeted" | "member", ConnectionHandler>> = {
  alone: { message() {} },
  greeted: {
    open(connection) {
      for (const greeting of GREETINGS) connection.send(greeting);
    },
  },
  member: { open: (connection) => void hub.add(connection) },
};

/** Connections of core that do nothing: what topics are weighed against. `greeted` ones have been sent two messages, `member`s are in a hub. */
export function plainRow(kind: keyof typeof handlers): Row {
  return {
    start() {
      const ws = websocket(handlers[kind]);
      const server = createServer((req, res) => void ws(req, res));
      attach(server);
      return listen(server);
    },
  };
}
