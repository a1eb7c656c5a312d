import type { Protocol } from "../catalogue.ts";

/** What differs between the servers' ways of putting a payload into WebSocket messages. */
export interface Dialect {
  /** The request target of the handshake. */
  target(room: number | undefined): string;
  /** Between the 101 and the first payload: what to answer, and whether the connection is open after `message`. */
  readonly greeting: ((message: string) => { readonly reply?: string; readonly open: boolean }) | undefined;
  /** What a message needs around the payload. */
  readonly prefix: string;
  readonly suffix: string;
  /** Several payloads of a client may come in one message, with this between them. */
  readonly separator: boolean;
  /** An answer to a message that carries no payload. */
  reply(message: Buffer): string | undefined;
}

const plain: Dialect = {
  target: (room) => (room === undefined ? "/ws" : `/ws?room=${room}`),
  greeting: undefined,
  prefix: "",
  suffix: "",
  separator: false,
  reply: () => undefined,
};

/** Engine.IO 4 and Socket.IO 5, as far as text over WebSocket needs them. */
const socketio: Dialect = {
  target: (room) => `/socket.io/?EIO=4&transport=websocket${room === undefined ? "" : `&room=${room}`}`,
  greeting: (message) => (message.startsWith("0") ? { reply: "40", open: false } : { open: message.startsWith("40") }),
  prefix: '42["m","',
  suffix: '"]',
  separator: false,
  reply: (message) => (message.length === 1 && message[0] === 0x32 ? "3" : undefined),
};

export const dialects: Readonly<Record<Protocol, Dialect>> = {
  websocket: plain,
  "socket.io": socketio,
  glued: { ...plain, separator: true },
};
