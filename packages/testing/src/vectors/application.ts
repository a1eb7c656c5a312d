import type { Connection, ConnectionHandler } from "@upwire/core";
import { createRealtime, defineContract, RealtimeError, request, topic, type RealtimeStats } from "@upwire/realtime";
import type { StandardSchema } from "@upwire/protocol";
import type { VectorAction } from "./run-server-vectors.ts";

/** A schema without a library. */
function schema<Value>(name: string, fits: (value: unknown) => boolean): StandardSchema<Value> {
  const validate = (value: unknown) => (fits(value) ? { value: value as Value } : { issues: [{ message: `it is not ${name}` }] });
  return { "~standard": { version: 1, vendor: "upwire-vectors", validate } };
}

const member = (value: unknown, name: string): unknown => (value as Readonly<Record<string, unknown>> | null | undefined)?.[name];
const anything = schema<unknown>("anything", () => true);
const aText = schema<{ readonly text: string }>("{ text }", (value) => typeof member(value, "text") === "string");
const aName = schema<{ readonly name: string }>("{ name }", (value) => typeof member(value, "name") === "string");
const aNumber = schema<number>("a number", (value) => typeof value === "number");
const numbers = schema<{ readonly a: number; readonly b: number }>("{ a, b }", (value) => ["a", "b"].every((name) => typeof member(value, name) === "number"));
const aTick = schema<{ readonly n: number }>("{ n }", (value) => typeof member(value, "n") === "number");
const bytes = schema<Uint8Array>("bytes", (value) => value instanceof Uint8Array);

const contract = defineContract({
  events: { echo: anything, note: aText, crash: anything },
  requests: {
    add: request(numbers, aNumber),
    reverse: request(bytes, bytes),
    count: request(aName, aNumber),
    wait: request(anything, anything),
    teapot: request(anything, anything),
    crash: request(anything, anything),
  },
  topics: {
    "room:{room}": topic({ events: { message: aText, blob: bytes } }),
    "board:{board}": topic({ events: { note: aText }, state: anything }),
    "tick:{tick}": topic({ events: { tick: aTick } }),
    "view:{view}": topic({ events: { note: aText }, state: anything }),
  },
});

/** What the vectors for servers are played with. */
export interface VectorApplication {
  /** For `websocket(...)`. */
  readonly handler: ConnectionHandler<string>;
  /** As `VectorServer.act`. */
  act(action: VectorAction): unknown;
  stats(): RealtimeStats;
}

function crash(): never {
  throw new Error("a fault of the application of the vectors");
}

function inAWhile<Answer>(answer: Answer): Promise<Answer> {
  return new Promise((resolve) => setTimeout(resolve, 30, answer));
}

/**
 * The application that `vectors/README.md` of `@upwire/protocol` tells of, as a realtime. Its topics begin empty.
 * @param options `fallback`: for plain clients, in place of what the vectors say of them.
 */
export function vectorApplication({ fallback }: { readonly fallback?: ConnectionHandler } = {}): VectorApplication {
  let last: Connection<string> | undefined;
  const counts = new Map<string, number>();
  const yes = (): boolean => true;
  const open = { canSubscribe: yes, canPublish: yes };
  const realtime = createRealtime(contract, {
    authorize: () => "ada",
    onOpen: ({ connection }) => (last = connection) && undefined,
    events: {
      echo({ payload, connection }) {
        void realtime.connection(connection.id).send("echo", payload);
      },
      note: () => {},
      crash,
    },
    requests: {
      add: ({ payload: { a, b } }) => a + b,
      reverse: ({ payload }) => payload.toReversed(),
      count({ payload: { name } }) {
        const count = (counts.get(name) ?? 0) + 1;
        counts.set(name, count);
        return count;
      },
      wait: () => new Promise(() => {}),
      teapot() {
        throw new RealtimeError("teapot", "no coffee", { details: { cups: 3 } });
      },
      crash,
    },
    topics: {
      "room:{room}": {
        canSubscribe: ({ room }) => (room.startsWith("slow") ? inAWhile(true) : room !== "locked"),
        canPublish({ room, event, payload }) {
          const isAllowed = room !== "locked" && room !== "quiet";
          const isSlow = event === "message" && payload.text.startsWith("slow");
          return isSlow ? inAWhile(isAllowed) : isAllowed;
        },
        history: { messages: 5 },
      },
      "board:{board}": { ...open, state: ({ board }) => ({ board }), history: { messages: 5 } },
      "tick:{tick}": { ...open, history: false },
      "view:{view}": { ...open, state: ({ view }) => ({ view }), history: false },
    },
    ...(fallback && { fallback }),
    limits: { requests: 4, topics: 4, requestTimeoutMs: 1000 },
  });

  function act({ app, topic: name = "", type = "", payload }: VectorAction): unknown {
    const connection = last;
    if (connection === undefined) throw new Error("no client has connected yet");
    if (app === "send") return realtime.connection(connection.id).send(type as "echo", payload);
    const [kind = "", value = ""] = name.split(":");
    const found = realtime.topic(`${kind}:{${kind}}` as "room:{room}", { [kind]: value } as { readonly room: string });
    if (app === "publish") return found.publish(type as "message", payload as { readonly text: string });
    return app === "join" ? found.add(connection) : found.delete(connection);
  }
  return { handler: realtime, act, stats: () => realtime.stats };
}
