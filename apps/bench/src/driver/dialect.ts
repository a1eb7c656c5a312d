import type { Protocol } from "../catalogue.ts";
import { EVENT, PUBLICATION, PUBLISH, TOPIC } from "../topic-text.ts";

/** What a message has around the payload. */
interface Around {
  readonly prefix: string;
  readonly suffix: string;
}

/** What differs between the servers' ways of putting a payload into WebSocket messages. */
export interface Dialect extends Around {
  /** The request target of the handshake. */
  target(room: number | undefined): string;
  /** Offered, and to be selected. */
  readonly subprotocol?: string;
  /** Between the 101 and the first payload: what to answer, and whether the connection is open after `message`. */
  readonly greeting: ((message: string) => { readonly reply?: string; readonly open: boolean }) | undefined;
  /** What comes has this around the payload, and not what was sent. */
  readonly received?: Around;
  /** Something of varying length stands between the payload and the end. */
  readonly hasTail?: boolean;
  /** Several payloads of a client may come in one message, with this between them. */
  readonly separator: boolean;
  /** An answer to a message that carries no payload. */
  reply(message: Buffer): string | undefined;
  /** How those speak who send, where the others only listen. */
  readonly senders?: Dialect;
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

/** The members of the topic cells only listen; senders say a payload, which the server publishes. */
const SENDER_TARGET = "/ws?sender";
const sender: Dialect = { ...plain, target: () => SENDER_TARGET };

const v1: Dialect = {
  ...plain,
  subprotocol: "upwire.v1",
  greeting: (message) => (message.startsWith('{"re":1,') ? { open: true } : { reply: `{"type":"upwire.subscribe","id":1,"topic":"${TOPIC}"}`, open: false }),
  received: PUBLICATION,
  senders: sender,
};

/** Each client in a topic that has its connection's name. */
const v1Own: Dialect = {
  ...v1,
  greeting(message) {
    const { payload } = JSON.parse(message) as { readonly payload: { readonly connectionId?: string } };
    if (payload.connectionId === undefined) return { open: true };
    return { reply: JSON.stringify({ type: "upwire.subscribe", id: 1, topic: `room:${payload.connectionId}` }), open: false };
  },
};

/** A sender gets no messages: to it the connection is open with the 101. */
const v1Publisher: Dialect = { ...plain, ...PUBLISH, target: () => SENDER_TARGET, subprotocol: "upwire.v1" };

/** With connection state recovery the server puts an id behind the arguments of each event. */
const socketioRoom: Dialect = {
  ...socketio,
  target: () => `${socketio.target(undefined)}&room=${TOPIC}`,
  received: { prefix: `42["${EVENT}",{"text":"`, suffix: '"}]' },
  hasTail: true,
  senders: socketio,
};

export const dialects: Readonly<Record<Protocol, Dialect>> = {
  websocket: plain,
  "socket.io": socketio,
  glued: { ...plain, separator: true },
  frames: { ...plain, received: PUBLICATION, senders: sender },
  greeted: { ...plain, greeting: (message) => ({ open: message.startsWith("s") }) },
  topic: v1,
  "topic-own": v1Own,
  "topic-by-clients": { ...v1, senders: v1Publisher },
  "socket.io-room": socketioRoom,
};
