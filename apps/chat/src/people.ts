import type { Connection } from "@upwire/core";

export interface Person {
  readonly id: string;
  readonly address: string;
  /** The number of the process, where there are several. */
  readonly worker?: number | undefined;
}

/** Everyone who is connected, whatever they speak. */
export class People {
  readonly #byId = new Map<string, Connection>();
  readonly #worker: number | undefined;

  /** @param worker The number of this process, where there are several. */
  constructor(worker?: number) {
    this.#worker = worker;
  }

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
  }

  delete({ id }: Connection): void {
    this.#byId.delete(id);
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  /** The people of this process. */
  list(): Person[] {
    return [...this.#byId.values()].map((connection) => this.personOf(connection));
  }

  personOf({ id, remoteAddress }: Connection): Person {
    return { id, address: remoteAddress, ...(this.#worker !== undefined && { worker: this.#worker }) };
  }
}
