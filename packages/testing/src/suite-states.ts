import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import { selfSigned } from "./self-signed.ts";
import { BarrierClock } from "./states/barrier-clock.ts";
import { cellsOf, NEIGHBOURS, TRANSPORTS, type Neighbour, type Transport } from "./states/cell.ts";
import { cellsToLeave, leaveCell, LEAVES } from "./states/leave.ts";
import { addNeighbour } from "./states/neighbour.ts";
import { playCell } from "./states/play-cell.ts";
import { rightAnswer } from "./states/right-answer.ts";
import { ECHO_PATH, HELD_PATH, HeldPages, Stage } from "./states/stage.ts";
import type { OwnServer, Suite } from "./suite.ts";

/** More than `handshakeTimeoutMs` and `headTimeoutMs` are by default. */
const STEP_MS = 15_000;
const PATIENCE_MS = 3000;

/** Every state that the HTTP connection can be in when an upgrade request comes. */
export function connectionStates(suite: Suite, uncaught: readonly unknown[]): void {
  for (const transport of TRANSPORTS) {
    for (const neighbour of NEIGHBOURS) {
      const cells = cellsOf(transport, neighbour);
      const closed = cells.filter((cell) => rightAnswer(cell).goesOn === "closed").length;
      const title = `${transport}, ${neighbour === "alone" ? "alone" : `beside a listener that answers ${neighbour}`}`;
      suite.it(`answers rightly in ${cells.length} connection states, ${closed} of them to end: ${title}`, () => playAll(suite, uncaught, transport, neighbour), 30_000);
    }
  }
}

async function playAll(suite: Suite, uncaught: readonly unknown[], transport: Transport, neighbour: Neighbour): Promise<void> {
  const uncaughtBefore = uncaught.length;
  const clock = new BarrierClock(STEP_MS);
  const pages = new HeldPages();
  const server = await suite.start({
    routes: [{ path: ECHO_PATH, handler: { message: (connection, message) => void connection.send(message) }, options: {} }],
    attachOptions: { clock },
    pages: [{ path: HELD_PATH, serve: pages.serve }],
    ...(transport === "TLS" ? { tls: selfSigned() } : {}),
  });
  const sockets = socketsOf(server);
  // Cells wait for each other.
  server.server.keepAliveTimeout = 60_000;
  addNeighbour(server.server, neighbour);

  const stage = new Stage(server, transport, clock, pages);
  const faults: (string | undefined)[] = [];
  const members = cellsOf(transport, neighbour).map((cell, at) => async (): Promise<void> => void faults.push(await playCell(cell, `${at}`, stage)));
  const leavers = LEAVES.flatMap((leave) =>
    cellsToLeave(transport, neighbour).map((cell, at) => async (): Promise<void> => void faults.push(await leaveCell(cell, leave, `${leave} ${at}`.replaceAll(" ", "-"), stage))),
  );
  await clock.group([...members, ...leavers]);
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);

  expect(await playCell({ kind: "WebSocket", state: "fresh", owner: "ours", transport, neighbour }, "good", stage)).toBe(undefined);
  await stage.leave();
  await sockets.gone();
  expect(server.attachment.count).toBe(0);
  expect(await settlesAtOnce(server.attachment.drain())).toBe(true);
  expect(uncaught.slice(uncaughtBefore)).toEqual([]);
}

/** Without a handshake under way nothing holds a drain up. */
async function settlesAtOnce(drained: Promise<void>): Promise<boolean> {
  const later = async (): Promise<false> => {
    for (let turns = 0; turns < 10; turns++) await setImmediate();
    return false;
  };
  return Promise.race([drained.then(() => true), later()]);
}

/** The TCP connections of a server, from now on. */
function socketsOf({ server }: OwnServer): { readonly gone: () => Promise<void> } {
  const open = new Set<Socket>();
  server.on("connection", (socket: Socket) => {
    open.add(socket);
    socket.once("close", () => open.delete(socket));
  });
  return {
    gone: async () => {
      for (const socket of open) await once(socket, "close", { signal: AbortSignal.timeout(PATIENCE_MS) });
    },
  };
}
