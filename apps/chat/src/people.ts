import type { Connection } from "@upwire/core";

export interface Person {
  readonly id: string;
  readonly address: string;
}

/** Everyone who is connected, whatever they speak. */
export class People {
  readonly #byId = new Map<string, Connection>();

  add(connection: Connection): void {
    this.#byId.set(connection.id, connection);
  }

  delete({ id }: Connection): void {
    this.#byId.delete(id);
  }

  get(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  list(): Person[] {
    return [...this.#byId.values()].map(personOf);
  }
}

export function personOf({ id, remoteAddress }: Connection): Person {
  return { id, address: remoteAddress };
}
