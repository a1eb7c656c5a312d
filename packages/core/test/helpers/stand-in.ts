import type { CloseInfo, Connection } from "@upwire/core";

type Listener = (info: CloseInfo, connection: Connection) => void;

/** What an audience needs of a connection, without a socket. */
export class StandIn {
  readonly id: string;
  readonly heard: string[] = [];
  state: "open" | "closed" = "open";
  #listeners: Listener[] = [];

  constructor(id: string) {
    this.id = id;
  }

  get connection(): Connection {
    return this as unknown as Connection;
  }

  /** How many listeners wait for its end. */
  get listeners(): number {
    return this.#listeners.length;
  }

  send(message: string | { readonly payload: Buffer }): boolean {
    if (this.state === "closed") return false;
    this.heard.push(typeof message === "string" ? message : message.payload.toString());
    return true;
  }

  onClose(listener: Listener): void {
    this.#listeners.push(listener);
  }

  offClose(listener: Listener): void {
    this.#listeners = this.#listeners.filter((one) => one !== listener);
  }

  end(): void {
    this.state = "closed";
    for (const listener of this.#listeners.splice(0)) listener({ code: 1006, reason: "", wasClean: false }, this.connection);
  }
}
