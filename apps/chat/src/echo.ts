import { defineHandler, type ConnectionHandler } from "@upwire/core";

const MIB = 1024 * 1024;

/** `/ws/echo`: text comes back as text, binary as binary. */
export const echo: ConnectionHandler = defineHandler({
  // Far above the defaults, so that conformance suites can send what they like.
  options: {
    maxMessageBytes: 32 * MIB,
    maxFragments: 100_000,
    maxQueueBytes: 64 * MIB,
    compression: true,
  },
  message(connection, message) {
    connection.send(message);
  },
});
