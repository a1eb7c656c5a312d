import { KINDS, STATES, titleOf, type Cell, type Neighbour, type Transport } from "./cell.ts";
import { upgradeBytes } from "./requests.ts";
import { scripts } from "./scripts.ts";
import type { Stage } from "./stage.ts";
import type { StateClient } from "./state-client.ts";

/** How a client leaves that has sent its upgrade request. */
export const LEAVES = ["resets", "ends its side"] as const;

/** The cells that clients leave before their end. */
export function cellsToLeave(transport: Transport, neighbour: Neighbour): Cell[] {
  const kinds = KINDS.filter((kind) => kind === "WebSocket" || kind === "h2c");
  const states = STATES.filter((state) => neighbour === "alone" || !state.includes("h2c"));
  return kinds.flatMap((kind) => states.map((state): Cell => ({ kind, state, owner: "ours", transport, neighbour })));
}

/** Plays a cell up to its upgrade request, and leaves. Never rejects. Returns what was wrong, under the cell's title. */
export async function leaveCell(cell: Cell, leave: (typeof LEAVES)[number], name: string, stage: Stage): Promise<string | undefined> {
  let client: StateClient | undefined;
  try {
    client = await stage.connect();
    const unfinished = await scripts[cell.state]({ stage, client, name, upgrade: upgradeBytes(cell, name).first });
    await stage.turn();
    if (leave === "resets") client.reset();
    else client.socket.end();
    await stage.turn();
    unfinished?.abandon();
    await stage.turn();
    await stage.clock.step();
    // The server has to end its side by itself.
    if (leave === "ends its side") await client.over();
    return undefined;
  } catch (error) {
    return `${titleOf(cell)}, the client ${leave}: ${(error as Error).message}`;
  } finally {
    client?.socket.destroy();
  }
}
