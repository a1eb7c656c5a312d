import { shareBroker, type Broker } from "@upwire/cluster/broker";
import { createAudience, type Connection, type ConnectionHandler } from "@upwire/core";
import { createRealtime, RealtimeError, type PublishedTo, type RealtimeStats } from "@upwire/realtime";
import { contract, type ChatRealtime } from "./contract.ts";
import { OtherWorkers } from "./other-workers.ts";
import { People, type Person } from "./people.ts";
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

/** One of several processes that are one chat together. */
export interface WorkerOptions {
  /** Its own among them, from 1 on; a process that takes the place of another one takes its number. */
  readonly number: number;
  readonly broker: Broker;
}

export interface ChatRealtimeOptions {
  /** What `save` of an earlier one gave. */
  readonly restore?: Uint8Array | undefined;
  /** @default there is this process alone */
  readonly worker?: WorkerOptions | undefined;
}

export interface Chat {
  /** The handler of `/ws`. */
  readonly handler: ConnectionHandler;
  /** What it counts, for metrics. */
  readonly realtime: { readonly stats: RealtimeStats };
  /** Tells everyone the time of day. */
  tellTime(time: string): void;
  /** Everything that a new process needs to go on from here. Nothing is published after it. */
  save(): Promise<Uint8Array>;
  /** When the clients are gone. */
  stop(): Promise<void>;
}

/** The chat: one realtime for clients that speak `upwire.v1`, such as the page, with all others in its `fallback`. */
export function createChatRealtime({ restore, worker }: ChatRealtimeOptions = {}): Chat {
  const people = new People(worker?.number);
  const shared = worker && shareBroker(worker.broker);
  /** Those that speak upwire.v1. */
  const speakers = createAudience();
  const plain = new PlainChat({
    say: (connection, text) => void sayToAll(connection, text).catch(ignoreUnavailable),
    sayBytes(connection, message) {
      plain.everyone.broadcast(message);
      others?.toPlain(message.bytes);
      lobby.publish("binary", { from: connection.id, bytes: message.bytes.length }).catch(ignoreUnavailable);
    },
    async hello(connection) {
      // Members of the topic get `joined` and `left` from then on.
      await realtime.topic("people").add(connection);
      connection.sendJson({ type: "welcome", payload: { ...people.personOf(connection), members: await everybody() } });
    },
    async direct(connection, direct) {
      if (!(await deliver(connection, direct))) throw new ProtocolError("unknown-client", "Nobody here has this id");
    },
    join: (connection, room) => rooms.join(connection, room),
    leave: (connection, room) => rooms.leave(connection, room),
    sayIn: (connection, room, text) => rooms.say(connection, room, text),
  });

  const realtime: ChatRealtime = createRealtime(contract, {
    topics: {
      lobby: { canSubscribe: () => true, history: LOBBY_HISTORY },
      clock: { canSubscribe: () => true, history: false },
      people: { canSubscribe: () => true, history: false, state: everybody },
      "room:{room}": {
        canSubscribe: ({ room }) => room.trim() !== "",
        // As the request `say` would publish it.
        canPublish: ({ connection, room, payload }) => payload.room === room && payload.from === connection.id && isIn(room, connection),
        state: async ({ room }) => ({ count: await rooms.count(room) }),
      },
    },
    events: {
      typing({ connection }) {
        sendTyping(connection.remoteAddress, connection);
        others?.typing(connection.remoteAddress);
      },
    },
    requests: {
      async say({ payload: { room, text }, connection }) {
        if (room === undefined) return sayToAll(connection, text);
        if (!isIn(room, connection)) throw new RealtimeError("not_in_room", `You are not in the room ${room}; join it first`);
        return realtime.topic("room:{room}", { room }).publish("room", { room, from: connection.id, text });
      },
      async direct({ payload: { to, text }, connection }) {
        const direct = { from: connection.id, to, text };
        if (!(await deliver(connection, direct))) throw new RealtimeError("unknown_client", "Nobody here has this id");
        return direct;
      },
    },
    limits: { topics: OWN_TOPICS + MAX_ROOMS, replayMessages: LOBBY_HISTORY.messages, replayBytes: LOBBY_HISTORY.bytes },
    options: { writeTimeoutMs: SLEEP_MS, pongTimeoutMs: SLEEP_MS },
    expectedClients: EXPECTED_CLIENTS,
    fallback: plain.handler,
    ...(restore === undefined ? {} : { restore }),
    ...(shared === undefined ? {} : { broker: shared.part("topics") }),
  });
  const others =
    shared &&
    new OtherWorkers(shared.part("workers"), {
      toPlain: (data) => plain.everyone.broadcast(data),
      typing: (address) => sendTyping(address),
      people: () => people.list(),
      count: (room) => rooms.countHere(room),
      deliver: deliverHere,
    });
  const rooms = new Rooms(realtime, async (room) => others?.count(room) ?? 0);
  const lobby = realtime.topic("lobby");
  if (worker) realtime.topic("people").publish("gone", { worker: worker.number }).catch(ignoreUnavailable);

  /** Everyone who is connected, to whichever process. */
  function everybody(): Person[] | Promise<Person[]> {
    return others === undefined ? people.list() : others.people().then((elsewhere) => [...people.list(), ...elsewhere]);
  }

  /** To the pages of this process. @returns how many took it. */
  function sendTyping(address: string, except?: Connection): number {
    let count = 0;
    for (const speaker of speakers) if (speaker !== except && speaker.sendJson({ type: "typing", payload: { address } })) count++;
    return count;
  }

  /** Plain clients get text, all others a publication with a place in the history. */
  async function sayToAll({ id, remoteAddress }: Connection, text: string): Promise<PublishedTo> {
    const line = `${remoteAddress} echo: ${text}`;
    plain.everyone.broadcast(line);
    others?.toPlain(line);
    return lobby.publish("message", { from: id, address: remoteAddress, text });
  }

  /** @returns whether there is such a client. */
  async function deliver(from: Connection, direct: Direct): Promise<boolean> {
    // One that speaks upwire.v1 and writes to itself has it as the reply.
    if (direct.to === from.id && speakers.has(from)) return true;
    return deliverHere(direct, from.remoteAddress) || ((await others?.deliver(direct, from.remoteAddress)) ?? false);
  }

  /** @returns whether this process has such a client. */
  function deliverHere(direct: Direct, fromAddress: string): boolean {
    const receiver = people.get(direct.to);
    if (receiver === undefined) return false;
    if (!speakers.has(receiver)) plain.deliver(receiver, direct, fromAddress);
    else receiver.sendJson({ type: "direct", payload: direct });
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
        realtime.topic("people").publish("joined", people.personOf(connection)).catch(ignoreUnavailable);
        return realtime.open?.(connection, request);
      },
      close(connection, info) {
        people.delete(connection);
        realtime.topic("people").publish("left", people.personOf(connection)).catch(ignoreUnavailable);
        return realtime.close?.(connection, info);
      },
    },
    realtime,
    tellTime(time) {
      plain.everyone.broadcast(`Server broadcast: Current time is ${time}`);
      // One process is enough.
      if (worker === undefined || worker.number === 1) realtime.topic("clock").publish("time", { time }).catch(ignoreUnavailable);
    },
    save: () => realtime.save(),
    async stop() {
      await Promise.all([realtime.stop(), others?.stop()]);
    },
  };
}

/** After `save` nothing is published: the server goes away, and everyone here with it. */
function ignoreUnavailable(error: unknown): void {
  if (error instanceof RealtimeError && error.code === "unavailable") return;
  console.error(error);
}
