import { CloseCode, createSlot, type Connection, type ConnectionHandler, type Hub } from "@upwire/core";
import { setTimeout as delay } from "node:timers/promises";

const ROOMS = 100;
/** What a longer message is answered with is its length: the attack is on reading it. */
const ECHOED_BYTES = 1024;

export interface Observer {
  /** upwire ends a connection because its client is too slow. */
  slow(connection: Connection): void;
  /** @param why The code of upwire's error, else the close code. */
  ended(why: string): void;
}

/** One handler for all scenarios: clients ask for what it does wrong. */
export function siegeHandler(hub: Hub, observer: Observer): ConnectionHandler {
  const failed = createSlot<string>();
  return {
    open(connection, { query }) {
      hub.user(`user ${hub.size % ROOMS}`).add(connection);
      hub.room(`room ${hub.size % ROOMS}`).add(connection);
      return misbehave(query.get("open"));
    },
    message(connection, message) {
      if (message.bytes.byteLength > ECHOED_BYTES) return void connection.send(`${message.bytes.byteLength}`);
      const text = message.text();
      if (text === "close") return connection.close();
      if (text.startsWith("fill ")) return void connection.send(Buffer.alloc(Number(text.slice(5))));
      if (text === "throw" || text === "reject") return misbehave(text);
      connection.send(message);
    },
    error(connection, { code, closeCode }) {
      failed.set(connection, code);
      if (closeCode === CloseCode.tryAgainLater) observer.slow(connection);
    },
    close(connection, { code }) {
      observer.ended(failed.get(connection) ?? `${code}`);
    },
  };
}

/** Reads each message as it comes, and answers with its length; the good client's with its text. */
export const streamHandler: ConnectionHandler = {
  async stream(connection, { readable, isBinary }) {
    let bytes = 0;
    let text = "";
    for await (const chunk of readable) {
      bytes += chunk.byteLength;
      if (!isBinary) text += Buffer.from(chunk).toString();
    }
    connection.send(isBinary ? `${bytes}` : text);
  },
};

/** For clients that leave while the server is still deciding. */
export async function authorize({ query }: { readonly query: URLSearchParams }): Promise<undefined> {
  const wait = query.get("wait");
  if (wait !== null) await delay(Number(wait));
}

function misbehave(how: string | null): undefined | Promise<void> {
  if (how === "throw") throw new Error("a handler throws");
  return how === "reject" ? Promise.reject(new Error("a handler rejects")) : undefined;
}
