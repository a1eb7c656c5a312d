import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { firstGoodOffer } from "../wire/compression.ts";
import { offeredSubprotocols } from "../checks/handshake.ts";
import { guard } from "../base/guard.ts";
import type { NeighbourWatch } from "../upgrade/neighbour-watch.ts";
import type { PendingHandshake } from "../upgrade/pending-handshakes.ts";
import { PluginSocket } from "./plugin-socket.ts";
import { putPluginTicket } from "./plugin-ticket.ts";
import { publishRefusal, refusal, sendBare } from "../checks/refusal.ts";
import { destroySocket } from "../connection/socket-owner.ts";
import { channels } from "../base/channels.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";
import { NEIGHBOUR_LOOK_MS, type Arrival, type HandshakeSetup, type OnLate } from "../upgrade/upgrade-ticket.ts";

/** Gets a WebSocket handshake in place of the application. */
export type HandOver = (req: IncomingMessage, socket: Duplex, head: Buffer) => void | Promise<void>;

/** Gives a handshake to a plugin that upgrades by itself, with a stand-in for the socket, and a ticket to get it back by. */
export function handOverTo(handOver: HandOver, { req, socket, head }: Arrival, { holder, pending, timeoutMs }: HandshakeSetup, neighbours?: NeighbourWatch): void {
  const before = socket.bytesWritten;
  const plugin = new PluginSocket(socket, head, neighbours);
  const startedAt = pending.now;
  let givenUpAt = startedAt + timeoutMs;
  let tellLate: OnLate | undefined;
  let hasExpired = false;
  const nextLook = (): number => (plugin.isHeld ? Math.min(givenUpAt, pending.now + NEIGHBOUR_LOOK_MS) : givenUpAt);
  const handshake: PendingHandshake = {
    deadline: nextLook(),
    expire: () => {
      if (neighbours !== undefined && plugin.isHeld) {
        if (neighbours.isTaken) return leave();
        if (pending.now < givenUpAt) return pending.move(handshake, nextLook());
        plugin.claim();
      }
      pending.delete(handshake);
      // The plugin answered. A request of ours that was not given to `accept` since then would wait for ever.
      if (socket.bytesWritten > before) {
        if (plugin.isWithheld) socket.destroy();
        return;
      }
      // The plugin is still busy with it: its late answer must go nowhere.
      plugin.detach();
      hasExpired = true;
      const late = refusal("ERR_HANDSHAKE_TIMEOUT");
      if (tellLate === undefined) publishRefusal(late, new UpgradeRequest(req, { native: req }));
      else tellLate(late);
      sendBare(socket, late);
    },
    abort: () => {
      if (neighbours?.isTaken === true && plugin.isHeld) leave();
      else socket.destroy();
    },
  };
  const over = (): void => {
    pending.delete(handshake);
    socket.off("end", destroySocket);
    // Or it would keep the request as long as the socket.
    socket.off("close", over);
  };
  const leave = (): void => {
    over();
    plugin.detach();
  };
  // Node took its own listener away: without one, a reset from here on would end the process. The plugin's is on the stand-in.
  if (neighbours === undefined) socket.on("error", destroySocket);
  socket.once("close", over);
  // A client that ends its side before it has its answer has left.
  const watchEnd = (): void => {
    if (head.byteLength === 0) socket.once("end", destroySocket);
  };
  if (neighbours === undefined) watchEnd();
  pending.add(handshake);
  putPluginTicket(req, {
    holder,
    claim: () => {
      const wasHeld = plugin.isHeld;
      if (!plugin.claim()) {
        over();
        return false;
      }
      if (wasHeld) watchEnd();
      return true;
    },
    get hasExpired() {
      return hasExpired;
    },
    expireAfter: (ms, onLate) => {
      tellLate = onLate;
      givenUpAt = startedAt + ms;
      pending.move(handshake, nextLook());
      return givenUpAt > pending.now;
    },
    answered: over,
    complete: (refused) => plugin.replaceBare(refused.status, () => sendBare(socket, refused)),
    withhold: () => plugin.withhold(),
    release: () => plugin.release(),
    take: () => {
      const taken = plugin.takeOver();
      if (taken === undefined) return undefined;
      over();
      // Its new owner has one of its own.
      if (taken !== "gone") socket.off("error", destroySocket);
      return taken;
    },
  });
  adaptHeaders(req);
  const failed = (error: unknown): void => {
    channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
    if (plugin.isHeld) plugin.destroy();
    else socket.destroy();
  };
  guard(() => handOver(req, plugin, Buffer.alloc(0)), failed);
}

/** Puts what `ws` would refuse, and RFC 6455 allows, the way it takes it. */
function adaptHeaders({ headers }: IncomingMessage): void {
  // It was found to hold "websocket"; `ws` takes nothing beside it, although RFC 6455 §4.2.1 has a list here.
  headers.upgrade = "websocket";
  // Nor does it take the empty members that RFC 9110 §5.6.1.2 tells it to pass over.
  const names = offeredSubprotocols(headers) ?? [];
  if (names.length > 0) headers["sec-websocket-protocol"] = names.join(", ");
  const offer = firstGoodOffer(headers["sec-websocket-extensions"]);
  if (offer === undefined) delete headers["sec-websocket-extensions"];
  else headers["sec-websocket-extensions"] = offer;
}
