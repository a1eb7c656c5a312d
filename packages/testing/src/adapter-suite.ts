import { setImmediate } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { AdapterSetup, Capabilities, RunningServer } from "./adapter-setup.ts";
import { broadcasts } from "./suite/broadcast.ts";
import { caps } from "./suite/caps.ts";
import { closing } from "./suite/closing.ts";
import { contexts } from "./suite/context.ts";
import { shutdowns } from "./suite/shutdown.ts";
import { faults } from "./suite/faults.ts";
import { functions } from "./suite/functions.ts";
import { fuzzing } from "./suite/fuzzing.ts";
import { handlers } from "./suite/handler.ts";
import { handlerFaults } from "./suite/handler-faults.ts";
import { handshakeChecks } from "./suite/handshake-check.ts";
import { handshakes } from "./suite/handshake.ts";
import { limits } from "./suite/limits.ts";
import { handshakeTable } from "./suite/handshake-table.ts";
import { logs } from "./suite/log.ts";
import { loadFaults } from "./suite/load.ts";
import { messages } from "./suite/messages.ts";
import { middleware } from "./suite/middleware.ts";
import { networkFaults } from "./suite/network.ts";
import { origins } from "./suite/origin.ts";
import { protocolFaults } from "./suite/protocol-faults.ts";
import { realtimes } from "./suite/realtime.ts";
import { refusals } from "./suite/refusals.ts";
import { responseLife } from "./suite/response-life.ts";
import { connectionStates } from "./suite/states.ts";
import { slowHandshakes } from "./suite/slow-handshakes.ts";
import { streams } from "./suite/streams.ts";
import { Suite } from "./suite/suite.ts";
import { noteUncaught } from "./note-uncaught.ts";

const topics: Readonly<Record<string, (suite: Suite, uncaught: readonly unknown[]) => void>> = {
  handshake: handshakes,
  "handshake table": handshakeTable,
  refusals,
  "handshake check": handshakeChecks,
  origin: origins,
  "slow handshakes": slowHandshakes,
  "connection states": connectionStates,
  caps,
  middleware,
  "response life": responseLife,
  messages,
  streams,
  "protocol faults": protocolFaults,
  limits,
  closing,
  contexts,
  shutdown: shutdowns,
  broadcast: broadcasts,
  handler: handlers,
  realtime: realtimes,
  "handler faults": handlerFaults,
  "functions of the application": functions,
  "client faults": faults,
  "network faults": networkFaults,
  load: loadFaults,
  fuzzing,
  log: logs,
};

/**
 * Declares every behaviour that an adapter must show, as one `describe` named `adapter: <name>`.
 * @param build Starts a server as `AdapterSetup` says; called more than once.
 * @param capabilities What this adapter cannot do, with the reason. Nothing is left out otherwise.
 */
export function describeAdapter(name: string, build: (setup: AdapterSetup) => Promise<RunningServer>, capabilities: Partial<Capabilities> = {}): void {
  describe(`adapter: ${name}`, () => {
    const suite = new Suite(build, capabilities);
    const uncaught = noteUncaught();

    suite.serveAll();

    suite.route("/alive", { message: (connection, message) => void connection.send(message) });
    for (const [topic, declare] of Object.entries(topics)) {
      // oxlint-disable-next-line vitest/valid-title -- one of the names in the table above
      describe(topic, () => {
        declare(suite, uncaught);
      });
    }

    it("got here without an uncaught exception or an unhandled rejection", async () => {
      // Rejections are reported a turn after they happen.
      await setImmediate();
      expect(uncaught).toEqual([]);
    });
  });
}
