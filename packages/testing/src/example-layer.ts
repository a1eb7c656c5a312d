import { createAudience, createSlot, defineHandler, type Audience, type Connection, type ConnectionHandler, type UpgraderOptions } from "@upwire/core";

/** Something that did not arrive: the layer can say so to its application, and to the client as soon as that reads again. */
export interface Missed {
  readonly topic: string;
  readonly number: number;
  readonly connection: Connection;
}

export interface ExampleLayer {
  /** For `websocket(...)` of any adapter. */
  readonly handler: ConnectionHandler;
  /** @returns how many queues took it. */
  publish(topic: string, payload: unknown): number;
  /** The ids of the members of a topic. */
  members(topic: string): string[];
}

/** Topics by their name. They exist as long as they have members. */
type Topics = Map<string, Topic>;

interface Command {
  readonly type?: unknown;
  readonly topic?: unknown;
  readonly payload?: unknown;
}

/** The newest message of each topic that this client has missed and was not told of. */
const missedBy = createSlot<Map<string, number>>();

const encode = (type: string, topic: string, more: Readonly<Record<string, unknown>>): string => JSON.stringify({ type, topic, ...more });

/** An audience with numbered messages, whose members hear of each other. */
class Topic {
  readonly audience: Audience;
  readonly #name: string;
  readonly #onMissed: (missed: Missed) => void;
  #number = 0;

  constructor(name: string, topics: Topics, onMissed: (missed: Missed) => void) {
    this.#name = name;
    this.#onMissed = onMissed;
    this.audience = createAudience({
      onFirst: () => topics.set(name, this),
      onAdd: (connection) => this.#tell("joined", connection),
      onDelete: (connection) => this.#tell("left", connection),
      onEmpty: () => topics.delete(name),
    });
  }

  publish(payload: unknown): number {
    const number = ++this.#number;
    const missed = (connection: Connection): void => {
      const known = missedBy.get(connection) ?? new Map<string, number>();
      known.set(this.#name, Math.max(number, known.get(this.#name) ?? 0));
      missedBy.set(connection, known);
      this.#onMissed({ topic: this.#name, number, connection });
    };
    return this.audience.broadcast(encode("message", this.#name, { number, payload }), { missed });
  }

  /** No policy may drop it: a list of members would be wrong from then on. */
  #tell(type: "joined" | "left", connection: Connection): void {
    this.audience.broadcast(encode(type, this.#name, { id: connection.id }), { except: connection, mustArrive: true });
  }
}

/**
 * A small layer above core, which uses nothing but the public names of `@upwire/core`: topics that tell a client what it has
 * missed, presence, and a notice before a restart. It stands here to show that the seams are enough.
 *
 * Commands are `{ type: "subscribe" | "unsubscribe" | "publish", topic, payload? }`; the server says `message`, `missed`,
 * `joined`, `left`, `members` and `reconnect`.
 */
export function createExampleLayer(onMissed: (missed: Missed) => void = () => {}, options: UpgraderOptions = {}): ExampleLayer {
  const topics: Topics = new Map();
  const topicOf = (name: string): Topic => topics.get(name) ?? new Topic(name, topics, onMissed);
  const members = (name: string): string[] => [...(topics.get(name)?.audience ?? [])].map(({ id }) => id);

  function run(connection: Connection, { type, topic: name, payload }: Command): void {
    if (typeof name !== "string") return connection.fail({ code: "ERR_BAD_COMMAND", closeCode: 4400, retry: false, text: "a command names its topic" });
    const topic = topicOf(name);
    if (type === "subscribe") {
      topic.audience.add(connection);
      connection.send(encode("members", name, { ids: members(name) }), { mustArrive: true });
    } else if (type === "unsubscribe") {
      topic.audience.delete(connection);
    } else if (type === "publish") {
      topic.publish(payload);
    }
  }

  const handler = defineHandler({
    options: { slowConsumer: "drop-oldest", ...options },
    message: (connection, message) => run(connection, (message.json() ?? {}) as Command),
    drain(connection) {
      for (const [topic, number] of missedBy.get(connection) ?? []) connection.send(encode("missed", topic, { number }), { mustArrive: true });
      missedBy.delete(connection);
    },
    leaving: (connection, { retryAfterMs, code }) => connection.send(JSON.stringify({ type: "reconnect", afterMs: retryAfterMs, code }), { mustArrive: true }),
  });
  return { handler, publish: (name, payload) => topics.get(name)?.publish(payload) ?? 0, members };
}
