import { createAudience, type Connection, type ConnectionHandler } from "@upwire/core";
import { createRealtime, RealtimeError, type PublishedTo } from "@upwire/realtime";
import { contract, type ChatRealtime } from "./contract.ts";
import { People, personOf } from "./people.ts";
import { PlainChat, type Direct } from "./plain-chat.ts";
import { ProtocolError } from "./protocol.ts";
import { MAX_ROOMS, Rooms } from "./rooms.ts";

/** Topics that every page has beside its rooms: the lobby, the people and the clock. */
const OWN_TOPICS = 3;

/** How many clients come back after a restart: few, so that they need not spread. */
const EXPECTED_CLIENTS = 100;

/** What one who was away finds: more than by default, since a tab may sleep for long. */
const LOBBY_HISTORY = { messages: 1000, bytes: 16 * 1024 * 1024, ageMs: 30 * 60_000 };

/** How long a tab may sleep on its connection: it takes no message then, and answers no ping that waits behind messages. */
const SLEEP_MS = 90_000;

export interface Chat {
  /** The handler of `/ws`. */
  readonly handler: ConnectionHandler;
  /** Tells everyone the time of day. */
  tellTime(time: string): void;
  /** Everything that a new process needs to go on from here. Nothing is published after it. */
  save(): Promise<Uint8Array>;
  /** When the clients are gone. */
  stop(): Promise<void>;
}

/** The chat: one realtime for clients that speak `upwire.v1`, such as the page, with all others in its `fallback`. */
export function createChatRealtime(restore?: Uint8Array): Chat {
  const people = new People();
  /** Those that speak upwire.v1. */
  const speakers = createAudience();
  const plain = new PlainChat({
    say: (connection, text) => void sayToAll(connection, text).catch(ignoreUnavailable),
    sayBytes(connection, message) {
      plain.everyone.broadcast(message);
      lobby.publish("binary", { from: connection.id, bytes: message.bytes.length }).catch(ignoreUnavailable);
    },
    async hello(connection) {
      // Members of the topic get `joined` and `left` from then on.
      await realtime.topic("people").add(connection);
      connection.sendJson({ type: "welcome", payload: { ...personOf(connection), members: people.list() } });
    },
    direct(connection, direct) {
      if (!deliver(connection, direct)) throw new ProtocolError("unknown-client", "Nobody here has this id");
    },
    join: (connection, room) => rooms.join(connection, room),
    leave: (connection, room) => rooms.leave(connection, room),
    sayIn: (connection, room, text) => rooms.say(connection, room, text),
  });

  const realtime: ChatRealtime = createRealtime(contract, {
    topics: {
      lobby: { canSubscribe: () => true, history: LOBBY_HISTORY },
      clock: { canSubscribe: () => true, history: false },
      people: { canSubscribe: () => true, history: false, state: () => people.list() },
      "room:{room}": {
        canSubscribe: ({ room }) => room.trim() !== "",
        // As the request `say` would publish it.
        canPublish: ({ connection, room, payload }) => payload.room === room && payload.from === connection.id && isIn(room, connection),
        state: ({ room }) => ({ count: realtime.topic("room:{room}", { room }).size }),
      },
    },
    events: {
      typing({ connection }) {
        for (const other of speakers) if (other !== connection) void realtime.connection(other.id).send("typing", { address: connection.remoteAddress });
      },
    },
    requests: {
      async say({ payload: { room, text }, connection }) {
        if (room === undefined) return sayToAll(connection, text);
        if (!isIn(room, connection)) throw new RealtimeError("not_in_room", `You are not in the room ${room}; join it first`);
        return realtime.topic("room:{room}", { room }).publish("room", { room, from: connection.id, text });
      },
      direct({ payload: { to, text }, connection }) {
        const direct = { from: connection.id, to, text };
        if (!deliver(connection, direct)) throw new RealtimeError("unknown_client", "Nobody here has this id");
        return direct;
      },
    },
    limits: { topics: OWN_TOPICS + MAX_ROOMS, replayMessages: LOBBY_HISTORY.messages, replayBytes: LOBBY_HISTORY.bytes },
    options: { writeTimeoutMs: SLEEP_MS, pongTimeoutMs: SLEEP_MS },
    expectedClients: EXPECTED_CLIENTS,
    fallback: plain.handler,
    ...(restore === undefined ? {} : { restore }),
  });
  const rooms = new Rooms(realtime);
  const lobby = realtime.topic("lobby");

  /** Plain clients get text, all others a publication with a place in the history. */
  async function sayToAll({ id, remoteAddress }: Connection, text: string): Promise<PublishedTo> {
    plain.everyone.broadcast(`${remoteAddress} echo: ${text}`);
    return lobby.publish("message", { from: id, address: remoteAddress, text });
  }

  /** @returns whether there is such a client. */
  function deliver(from: Connection, direct: Direct): boolean {
    const receiver = people.get(direct.to);
    if (receiver === undefined) return false;
    if (!speakers.has(receiver)) plain.deliver(receiver, direct, from.remoteAddress);
    // One who writes to itself has it as the reply.
    else if (receiver !== from) void realtime.connection(direct.to).send("direct", direct);
    return true;
  }

  function isIn(room: string, connection: Connection): boolean {
    return [...realtime.topic("room:{room}", { room })].includes(connection);
  }

  return {
    handler: {
      ...realtime,
      open(connection, request) {
        people.add(connection);
        if (connection.subprotocol !== "") speakers.add(connection);
        realtime.topic("people").publish("joined", personOf(connection)).catch(ignoreUnavailable);
        return realtime.open?.(connection, request);
      },
      close(connection, info) {
        people.delete(connection);
        realtime.topic("people").publish("left", personOf(connection)).catch(ignoreUnavailable);
        return realtime.close?.(connection, info);
      },
    },
    tellTime(time) {
      plain.everyone.broadcast(`Server broadcast: Current time is ${time}`);
      realtime.topic("clock").publish("time", { time }).catch(ignoreUnavailable);
    },
    save: () => realtime.save(),
    stop: () => realtime.stop(),
  };
}

/** After `save` nothing is published: the server goes away, and everyone here with it. */
function ignoreUnavailable(error: unknown): void {
  if (error instanceof RealtimeError && error.code === "unavailable") return;
  console.error(error);
}
