import { attach, createHub, websocket, type ConnectionHandler } from "@upwire/core";
import { createServer } from "node:http";
import { PUBLICATION } from "../topic-text.ts";
import { listen, type Row } from "./row.ts";

/** What a topic is measured against: `hub.broadcast` of frames that are as long as its publications, and nothing else. */
export const row: Row = {
  start() {
    const hub = createHub();
    const handler: ConnectionHandler = {
      open(connection, { query }) {
        if (!query.has("sender")) hub.add(connection);
      },
      message: (_connection, message) => void hub.broadcast(PUBLICATION.prefix + message.text() + PUBLICATION.suffix),
    };
    const ws = websocket(handler);
    const server = createServer((req, res) => void ws(req, res));
    attach(server);
    return listen(server);
  },
};
