import type { IncomingMessage } from "node:http";
import { handOverMark } from "../base/cross-copy.ts";
import type { NeighbourWatch } from "./neighbour-watch.ts";
import type { Arrival, HandshakeSetup } from "./upgrade-ticket.ts";

/**
 * Gets every WebSocket handshake of a server in place of the application. `handOverTo` and `pluginServer` of the adapter entry make
 * one. It never throws. @param neighbours Where other libraries listen for upgrades too.
 */
export type HandOver = (arrival: Arrival, setup: HandshakeSetup, neighbours?: NeighbourWatch) => void;

/** Marks `handOver`, so that `attach` takes it. */
export function asHandOver(handOver: HandOver): HandOver {
  return Object.assign(handOver, { [handOverMark]: true });
}

/** Whether `value` has that mark. A plain function of an application would be called with arguments that it does not know. */
export function isHandOver(value: unknown): boolean {
  return typeof value === "function" && handOverMark in value;
}

export function markHandedOver(req: IncomingMessage): void {
  (req as { [handOverMark]?: true })[handOverMark] = true;
}

/** Whether a plugin upgrades this request. */
export function isHandedOver(req: IncomingMessage): boolean {
  return handOverMark in req;
}
