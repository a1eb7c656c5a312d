import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import { channels } from "../base/channels.ts";
import { guard } from "../base/guard.ts";
import { offeredSubprotocols } from "../checks/handshake.ts";
import { UpgradeRequest } from "../checks/upgrade-request.ts";
import { asHandOver, type HandOver } from "../upgrade/hand-over.ts";
import { firstGoodOffer } from "../wire/compression.ts";
import { PluginHandshake } from "./plugin-handshake.ts";
import { putPluginTicket } from "./plugin-ticket.ts";

/** Takes a WebSocket handshake from Node's `upgrade` event and answers it, as the listener of a plugin does. */
export type UpgradeListener = (req: IncomingMessage, socket: Duplex, head: Buffer) => unknown;

/**
 * For adapters of plugins that upgrade by themselves: `attach(server, { handOver: handOverTo((req, socket, head) => …) })` gives
 * every WebSocket handshake to `listener` in place of the application, with a stand-in for its socket. The plugin's `ws` comes
 * back through `accept`. A throw or a rejection destroys the socket.
 *
 * It changes three headers of the request, so that `ws` takes what RFC 6455 allows: `upgrade` becomes `websocket` alone,
 * `sec-websocket-protocol` loses empty members, and of `sec-websocket-extensions` the first offer that we can read is left, or none.
 */
export function handOverTo(listener: UpgradeListener): HandOver {
  return asHandOver((arrival, setup, neighbours) => {
    const { req } = arrival;
    const handshake = new PluginHandshake(arrival, setup, neighbours);
    putPluginTicket(req, handshake);
    adaptHeaders(req.headers);
    const failed = (error: unknown): void => {
      channels.error.publish({ error, request: new UpgradeRequest(req, { native: req }) });
      handshake.fail();
    };
    guard(() => listener(req, handshake.stand, Buffer.alloc(0)), failed);
  });
}

/** Puts what `ws` would refuse, and RFC 6455 allows, the way it takes it. */
function adaptHeaders(headers: IncomingHttpHeaders): void {
  // It was found to hold "websocket"; `ws` takes nothing beside it, although RFC 6455 §4.2.1 has a list here.
  headers.upgrade = "websocket";
  // Nor does it take the empty members that RFC 9110 §5.6.1.2 tells it to pass over.
  const names = offeredSubprotocols(headers) ?? [];
  if (names.length > 0) headers["sec-websocket-protocol"] = names.join(", ");
  const offer = firstGoodOffer(headers["sec-websocket-extensions"]);
  if (offer === undefined) delete headers["sec-websocket-extensions"];
  else headers["sec-websocket-extensions"] = offer;
}
