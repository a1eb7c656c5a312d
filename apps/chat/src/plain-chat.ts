import { createAudience, createSlot, type Connection, type ConnectionHandler, type Message } from "@upwire/core";
import { InTurn } from "./in-turn.ts";
import { envelope, parseEnvelope, ProtocolError, readRoomName, readString, type Envelope } from "./protocol.ts";

type Command = (connection: Connection, payload: unknown) => Promise<void> | void;

export interface Direct {
  readonly from: string;
  readonly to: string;
  readonly text: string;
}

/** What a plain client can ask for. Each may throw or reject with a `ProtocolError`. */
export interface PlainActions {
  /** To everyone. */
  say(connection: Connection, text: string): void;
  sayBytes(connection: Connection, message: Message): void;
  hello(connection: Connection): Promise<void>;
  /** @throws ProtocolError */
  direct(connection: Connection, direct: Direct): Promise<void>;
  join(connection: Connection, room: string): Promise<number>;
  leave(connection: Connection, room: string): void;
  sayIn(connection: Connection, room: string, text: string): Promise<void>;
}

/** Clients that speak no `upwire.v1`: text goes to everyone, JSON with a `type` is a command (see protocol.ts). */
export class PlainChat {
  readonly everyone = createAudience();
  readonly handler: ConnectionHandler;
  readonly #commands: ReadonlyMap<string, Command>;
  readonly #actions: PlainActions;
  readonly #inTurn = new InTurn();
  /** Others, such as wscat, get plain text only. */
  readonly #speaksJson = createSlot<true>();

  constructor(actions: PlainActions) {
    this.#actions = actions;
    this.#commands = new Map<string, Command>([
      ["hello", (connection) => actions.hello(connection)],
      ["direct", (connection, payload) => this.#direct(connection, readString(payload, "to"), readString(payload, "text"))],
      ["join", (connection, payload) => this.#join(connection, readRoomName(payload))],
      ["leave", (connection, payload) => this.#leave(connection, readRoomName(payload))],
      ["say", (connection, payload) => actions.sayIn(connection, readRoomName(payload), readString(payload, "text"))],
    ]);
    this.handler = {
      open: (connection) => void this.everyone.add(connection),
      message: (connection, message) => this.#inTurn.run(connection, () => this.#message(connection, message)),
    };
  }

  /** A direct message, as this client understands it. */
  deliver(receiver: Connection, direct: Direct, fromAddress: string): void {
    receiver.send(this.#speaksJson.get(receiver) ? envelope("direct", direct) : `${fromAddress} direct: ${direct.text}`);
  }

  #message(connection: Connection, message: Message): Promise<void> | void {
    if (message.isBinary) return this.#actions.sayBytes(connection, message);
    const text = message.text();
    const command = parseEnvelope(text);
    return command ? this.#run(connection, command) : this.#actions.say(connection, text);
  }

  async #run(connection: Connection, { type, payload }: Envelope): Promise<void> {
    this.#speaksJson.set(connection, true);
    try {
      const command = this.#commands.get(type);
      if (!command) throw new ProtocolError("unknown-type", `type must be one of: ${[...this.#commands.keys()].join(", ")}`);
      await command(connection, payload);
    } catch (error) {
      // What it asked for may be of no use to a connection that is over.
      if (!connection.isOpen) return;
      if (!(error instanceof ProtocolError)) throw error;
      connection.send(envelope("error", { code: error.code, message: error.message }));
    }
  }

  async #direct(from: Connection, to: string, text: string): Promise<void> {
    const direct = { from: from.id, to, text };
    await this.#actions.direct(from, direct);
    if (to !== from.id) from.send(envelope("direct", direct));
  }

  async #join(connection: Connection, room: string): Promise<void> {
    const count = await this.#actions.join(connection, room);
    connection.send(envelope("room-joined", { room, count }));
  }

  #leave(connection: Connection, room: string): void {
    this.#actions.leave(connection, room);
    connection.send(envelope("room-left", { room }));
  }
}
