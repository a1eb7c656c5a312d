import { EventEmitter } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { HandOver } from "../upgrade/hand-over.ts";
import { handOverTo, type UpgradeListener } from "./hand-over.ts";

/** A server for a plugin to listen on, whose upgrades have come through `attach`. */
export interface PluginServer {
  /** For the plugin, in place of the real server: handshakes get here checked and guarded. It tells of nothing else. */
  readonly server: EventEmitter;
  /** For `attach(server, { handOver })`. */
  readonly handOver: HandOver;
  /** Ends the socket of a request that the plugin has forgotten, unless it is a WebSocket or gone. */
  end(req: IncomingMessage): void;
}

/**
 * For adapters of plugins that want a server to listen on for upgrades. Each handshake goes to the listeners that the plugin has
 * set; where it has none any more, the socket is destroyed, and so it is when one throws or rejects.
 */
export function pluginServer(): PluginServer {
  const server = new EventEmitter();
  const sockets = new WeakMap<IncomingMessage, Duplex>();
  const handOver = handOverTo((req, socket, head) => {
    sockets.set(req, socket);
    // Called by name and not through `emit`, which would lose their promises.
    const listeners = server.listeners("upgrade") as UpgradeListener[];
    if (listeners.length === 0) socket.destroy();
    return Promise.all(listeners.map((listener) => listener.call(server, req, socket, head)));
  });
  return { server, handOver, end: (req) => void sockets.get(req)?.destroy() };
}
