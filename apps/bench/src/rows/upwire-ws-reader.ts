import { attach, websocket } from "@upwire/core";
import { createServer } from "node:http";
import { listen, type Row } from "./row.ts";
import { handlerFor, optionsFor } from "./upwire-handler.ts";

/** As `upwire`, but `ws` reads the frames. */
export const row: Row = {
  start(load) {
    const ws = websocket(handlerFor(load), { ...optionsFor(load), reader: "ws" });
    const server = createServer((req, res) => void ws(req, res));
    attach(server);
    return listen(server);
  },
};
