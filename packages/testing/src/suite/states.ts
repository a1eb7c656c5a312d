import { once } from "node:events";
import type { Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { expect } from "vitest";
import type { AdapterRoute } from "../adapter-setup.ts";
import { selfSigned } from "../self-signed.ts";
import { BarrierClock } from "../states/barrier-clock.ts";
import { cellsOf, NEIGHBOURS, TRANSPORTS, type Neighbour, type Transport } from "../states/cell.ts";
import { cellsToLeave, leaveCell, LEAVES } from "../states/leave.ts";
import { addNeighbour } from "../states/neighbour.ts";
import { playCell } from "../states/play-cell.ts";
import { upgradeBytes } from "../states/requests.ts";
import { rightAnswer } from "../states/right-answer.ts";
import { scripts } from "../states/scripts.ts";
import { ECHO_PATH, HELD_PATH, HeldPages, Stage } from "../states/stage.ts";
import type { OwnServer, Suite } from "./suite.ts";

/** More than `handshakeTimeoutMs` and `headTimeoutMs` are by default. */
const STEP_MS = 15_000;
const PATIENCE_MS = 10_000;
const ECHO: AdapterRoute = { path: ECHO_PATH, handler: { message: (connection, message) => void connection.send(message) }, options: {} };

/** Every state that the HTTP connection can be in when an upgrade request comes. */
export function connectionStates(suite: Suite, uncaught: readonly unknown[]): void {
  for (const transport of TRANSPORTS) {
    for (const neighbour of NEIGHBOURS) {
      const cells = cellsOf(transport, neighbour);
      const closed = cells.filter((cell) => rightAnswer(cell).goesOn === "closed").length;
      const title = `${transport}, ${neighbour === "alone" ? "alone" : `beside a listener that answers ${neighbour}`}`;
      suite.it(
        `answers rightly in ${cells.length} connection states, ${closed} of them to end: ${title}`,
        () => playAll(suite, uncaught, transport, neighbour),
        60_000,
      );
    }
  }

  suite.it("ends a connection behind its earlier response when more than maxPendingHandshakes upgrades wait, and counts those apart", () => overCap(suite));
}

/** A cell but for its state. */
const PLAIN = { kind: "WebSocket", owner: "ours", transport: "plain", neighbour: "alone" } as const;

async function overCap(suite: Suite): Promise<void> {
  const clock = new BarrierClock(STEP_MS);
  const pages = new HeldPages();
  const server = await suite.start({ routes: [ECHO], attachOptions: { clock, maxPendingHandshakes: 1 }, pages: [{ path: HELD_PATH, serve: pages.serve }] });
  const stage = new Stage(server, "plain", clock, pages);
  for (const round of ["first", "second"]) {
    const waiting = [];
    // One after the other: connections without a head are counted too.
    for (const letter of ["a", "b", "c"]) {
      const name = `${round}-${letter}`;
      const client = await stage.connect();
      const unfinished = await scripts.pipelined({ stage, client, name, upgrade: upgradeBytes({ ...PLAIN, state: "pipelined" }, name).first });
      await stage.turn();
      waiting.push({ client, unfinished });
    }
    // Who waits keeps nobody else out.
    expect(await playCell({ ...PLAIN, state: "fresh" }, `${round} good`, stage)).toBe(undefined);
    const answers = await Promise.all(
      waiting.map(async ({ client, unfinished }) => {
        await unfinished?.finish();
        const answer = await client.response("the upgrade request").then(
          ({ head }) => `${head.status}`,
          () => (client.isOver ? "closed" : "none"),
        );
        client.socket.destroy();
        return answer;
      }),
    );
    // By the order in which the upgrades came.
    expect(answers).toEqual(["101", "closed", "closed"]);
  }
  await stage.leave();
}

async function playAll(suite: Suite, uncaught: readonly unknown[], transport: Transport, neighbour: Neighbour): Promise<void> {
  const uncaughtBefore = uncaught.length;
  const clock = new BarrierClock(STEP_MS);
  const pages = new HeldPages();
  const server = await suite.start({
    routes: [ECHO],
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
    cellsToLeave(transport, neighbour).map(
      (cell, at) => async (): Promise<void> => void faults.push(await leaveCell(cell, leave, `${leave} ${at}`.replaceAll(" ", "-"), stage)),
    ),
  );
  await clock.group([...members, ...leavers]);
  expect(faults.filter((fault) => fault !== undefined)).toEqual([]);

  expect(await playCell({ kind: "WebSocket", state: "fresh", owner: "ours", transport, neighbour }, "good", stage)).toBe(undefined);
  await stage.leave();
  await sockets.gone();
  expect(server.attachment.count).toBe(0);
  expect(await settlesAtOnce(server.attachment.shutdown())).toBe(true);
  expect(uncaught.slice(uncaughtBefore)).toEqual([]);
}

/** Without a handshake under way nothing holds a shutdown up. */
async function settlesAtOnce(shutdown: Promise<void>): Promise<boolean> {
  const later = async (): Promise<false> => {
    for (let turns = 0; turns < 10; turns++) await setImmediate();
    return false;
  };
  return Promise.race([shutdown.then(() => true), later()]);
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
