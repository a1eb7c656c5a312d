import { createSlot, type Connection, type ConnectionHandler, type Hub } from "@upwire/core";
import { Presence } from "./presence.ts";
import { envelope, parseEnvelope, ProtocolError, readRoomName, readString, type Envelope } from "./protocol.ts";
import { Rooms } from "./rooms.ts";

type Command = (connection: Connection, payload: unknown) => void;

/** `/ws`: what one client sends goes to everyone; JSON with a `type` is a command (see protocol.ts). */
export function createChatHandler(hub: Hub): ConnectionHandler {
  const presence = new Presence(hub);
  const rooms = new Rooms(hub);
  // Others, such as wscat, get plain text only.
  const speaksJson = createSlot<true>();

  const commands = new Map<string, Command>([
    ["hello", (connection) => presence.welcome(connection)],
    ["direct", (connection, payload) => sendDirect(connection, readString(payload, "to"), readString(payload, "text"))],
    ["join", (connection, payload) => rooms.join(connection, readRoomName(payload))],
    ["leave", (connection, payload) => rooms.leave(connection, readRoomName(payload))],
    ["say", (connection, payload) => rooms.say(connection, readRoomName(payload), readString(payload, "text"))],
  ]);

  function sendDirect(from: Connection, to: string, text: string): void {
    const receiver = hub.get(to);
    if (receiver === undefined) throw new ProtocolError("unknown-client", "Nobody here has this id");
    const direct = envelope("direct", { from: from.id, to, text });
    receiver.send(speaksJson.get(receiver) ? direct : `${from.remoteAddress} direct: ${text}`);
    if (receiver !== from) from.send(direct);
  }

  function run(connection: Connection, { type, payload }: Envelope): void {
    speaksJson.set(connection, true);
    try {
      const command = commands.get(type);
      if (!command) throw new ProtocolError("unknown-type", `type must be one of: ${[...commands.keys()].join(", ")}`);
      command(connection, payload);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      connection.send(envelope("error", { code: error.code, message: error.message }));
    }
  }

  return {
    open(connection) {
      hub.add(connection);
      presence.joined(connection);
    },
    message(connection, message) {
      if (message.isBinary) {
        hub.broadcast(message);
        return;
      }
      const text = message.text();
      const command = parseEnvelope(text);
      if (command) run(connection, command);
      else hub.broadcast(`${connection.remoteAddress} echo: ${text}`);
    },
    close(connection) {
      presence.left(connection);
    },
  };
}
