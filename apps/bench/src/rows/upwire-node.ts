import { attach, websocket, type UpgraderOptions } from "@upwire/core";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor, optionsFor } from "./upwire-handler.ts";

/** upwire on bare `node:http`, with these options beside those of the load. */
export function nodeRow(options: UpgraderOptions = {}): Row {
  return {
    start(load) {
      const ws = websocket(handlerFor(load), { ...optionsFor(load), ...options });
      const server = createServer((req, res) => void ws(req, res));
      attach(server);
      return listen(server);
    },
  };
}

export const row: Row = nodeRow();
