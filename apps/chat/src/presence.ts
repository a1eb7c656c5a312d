import type { Connection, Hub } from "@upwire/core";
import { envelope } from "./protocol.ts";

/** Rooms of users are prefixed, so none can have this name. */
const WATCHERS = "presence";

/** Tells the clients that said hello who comes and goes. */
export class Presence {
  readonly #hub: Hub;

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  /** Answers a `hello`: from now on this client gets `joined` and `left`. */
  welcome(connection: Connection): void {
    const members = this.#hub.list().map(memberOf);
    connection.send(envelope("welcome", { ...memberOf(connection), members }));
    this.#hub.join(connection, WATCHERS);
  }

  joined(connection: Connection): void {
    this.#hub.broadcast(envelope("joined", memberOf(connection)), { room: WATCHERS, except: connection });
  }

  left(connection: Connection): void {
    this.#hub.broadcast(envelope("left", memberOf(connection)), { room: WATCHERS, except: connection });
  }
}

function memberOf({ id, remoteAddress }: Connection): { id: string; address: string } {
  return { id, address: remoteAddress };
}
