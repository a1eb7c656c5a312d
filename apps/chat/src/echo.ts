import type { ConnectionHandler, UpgraderOptions } from "@upwire/core";

const MIB = 1024 * 1024;

/** `/ws/echo`: text comes back as text, binary as binary. */
export const echo: ConnectionHandler = {
  message(connection, message) {
    connection.send(message);
  },
};

/** Options of the `WebSocketServer` inside a framework's plugin. */
export interface PluginOptions {
  readonly maxPayload: number;
  readonly maxFragments: number;
  readonly perMessageDeflate: object;
}

/** Far above the defaults, so that conformance suites can send what they like. */
export const echoOptions: UpgraderOptions = {
  maxMessageBytes: 32 * MIB,
  maxFragments: 100_000,
  maxQueueBytes: 64 * MIB,
  compression: true,
};

/** The same for plugins that read the frames themselves, with limits for all of their routes together. */
export const echoPluginOptions: PluginOptions = { maxPayload: 32 * MIB, maxFragments: 100_000, perMessageDeflate: {} };
