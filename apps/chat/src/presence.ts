import { createAudience, type Connection, type Hub } from "@upwire/core";
import { envelope } from "./protocol.ts";

/** Tells the clients that said hello who comes and goes. */
export class Presence {
  readonly #hub: Hub;
  readonly #watchers = createAudience();

  constructor(hub: Hub) {
    this.#hub = hub;
  }

  /** Answers a `hello`: from now on this client gets `joined` and `left`. */
  welcome(connection: Connection): void {
    const members = [...this.#hub].map(memberOf);
    connection.send(envelope("welcome", { ...memberOf(connection), members }));
    this.#watchers.add(connection);
  }

  joined(connection: Connection): void {
    this.#watchers.broadcast(envelope("joined", memberOf(connection)));
  }

  left(connection: Connection): void {
    this.#watchers.broadcast(envelope("left", memberOf(connection)));
  }
}

function memberOf({ id, remoteAddress }: Connection): { id: string; address: string } {
  return { id, address: remoteAddress };
}
