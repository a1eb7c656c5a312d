import type { IncomingMessage } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { firstGoodOffer } from "./compression.ts";
import { offeredSubprotocols } from "./handshake.ts";
import type { PendingHandshake, PendingHandshakes } from "./pending.ts";
import { PluginSocket } from "./plugin-socket.ts";
import { putPluginTicket } from "./plugin-ticket.ts";
import { publishRefusal, refusal, sendBare } from "./refuse.ts";
import { destroySocket } from "./socket-owner.ts";
import { channels } from "./telemetry.ts";
import { UpgradeRequest } from "./upgrade-request.ts";
import type { TicketHolder } from "./upgrade-ticket.ts";

/** Gets a WebSocket handshake in place of the application. */
export type HandOver = (req: IncomingMessage, socket: Duplex, head: Buffer) => void | Promise<void>;

/** What Node's `upgrade` event told. */
export interface Arrival {
  readonly req: IncomingMessage;
  readonly socket: Socket;
  readonly head: Buffer;
}

export interface HandOverSetup {
  readonly holder: TicketHolder;
  readonly pending: PendingHandshakes;
  /** Time for the handshake, until the route's own value takes over. */
  readonly timeoutMs: number;
}

/** Gives a handshake to a plugin that upgrades by itself, with a stand-in for the socket, and a ticket to get it back by. */
export function handOverTo(handOver: HandOver, { req, socket, head }: Arrival, { holder, pending, timeoutMs }: HandOverSetup): void {
  // Node took its own listener away: without one, a reset from here on would end the process. The plugin's is on the stand-in.
  socket.on("error", destroySocket);
  const before = socket.bytesWritten;
  const plugin = new PluginSocket(socket, head);
  const startedAt = pending.now;
  const handshake: PendingHandshake = {
    socket,
    deadline: startedAt + timeoutMs,
    expire: () => {
      pending.delete(handshake);
      // The plugin answered. A request of ours that nobody gave to `accept` since then would wait for ever.
      if (socket.bytesWritten > before) {
        if (plugin.isWithheld) socket.destroy();
        return;
      }
      // The plugin is still busy with it: its late answer must go nowhere.
      plugin.detach();
      const late = refusal("ERR_HANDSHAKE_TIMEOUT");
      publishRefusal(late, new UpgradeRequest(req, { native: req }));
      sendBare(socket, late);
    },
  };
  pending.add(handshake);
  const over = (): void => {
    pending.delete(handshake);
    socket.off("end", destroySocket);
    // Or it would keep the request as long as the socket.
    socket.off("close", over);
  };
  socket.once("close", over);
  if (head.byteLength === 0) socket.once("end", destroySocket);
  putPluginTicket(req, {
    holder,
    expireAfter: (ms) => pending.move(handshake, startedAt + ms),
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
    socket.destroy();
  };
  try {
    Promise.resolve(handOver(req, plugin, Buffer.alloc(0))).catch(failed);
  } catch (error) {
    failed(error);
  }
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
