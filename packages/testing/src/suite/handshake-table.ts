import { expect } from "vitest";
import { runHandshakes } from "../handshake/run-handshakes.ts";
import { handshakeCases } from "../handshake/table.ts";
import type { Suite } from "./suite.ts";

const PATH = "/table/echo";
const SUBPROTOCOLS = ["v2.upwire.example", "v1.upwire.example"];

/** The handshake table, its strict rows too. */
export function handshakeTable(suite: Suite): void {
  suite.route(PATH, { message: (connection, message) => void connection.send(message) }, { subprotocols: SUBPROTOCOLS });

  for (const group of new Set(handshakeCases.map((row) => row.group))) {
    suite.it(`keeps to the table of handshakes: ${group}`, async () => {
      const cases = handshakeCases.filter((row) => row.group === group);
      const { failing } = await runHandshakes(`ws://127.0.0.1:${suite.port}${PATH}`, { cases, subprotocols: SUBPROTOCOLS });
      expect(failing).toEqual([]);
    });
  }
}
