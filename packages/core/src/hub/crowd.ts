import type { Connection } from "../connection/connection.ts";
import type { Delivery } from "./delivery.ts";
import { FormatGroup } from "./format-group.ts";
import { FewMembers, type Members } from "./members.ts";
import type { PreparedMessage } from "../wire/prepared-message.ts";

/** The format of members for whom none was named. */
export const DEFAULT_FORMAT = "default";

/** One function for all crowds: a closure for each would be as large as the rest of it. */
function makeFew<Context>(): Members<Connection<Context>> {
  return new FewMembers();
}

/** The members of an audience, in one group for each message format that they want. Most audiences have one format. */
export class Crowd<Context> {
  readonly #makeMembers: () => Members<Connection<Context>>;
  #first: FormatGroup<Context> | undefined;
  /** Groups of further formats. */
  #others: readonly FormatGroup<Context>[] | undefined;

  constructor(makeMembers: () => Members<Connection<Context>> = makeFew) {
    this.#makeMembers = makeMembers;
  }

  get size(): number {
    let size = this.#first?.size ?? 0;
    for (const group of this.#others ?? []) size += group.size;
    return size;
  }

  has(connection: Connection<Context>): boolean {
    return this.#groupOf(connection) !== undefined;
  }

  /** Only where members can be found by their ids. */
  get(id: string): Connection<Context> | undefined {
    for (const group of this.groups()) {
      const found = group.get(id);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  /** What a member wants messages in; `undefined` for one that is no member. */
  formatOf(connection: Connection<Context>): string | undefined {
    return this.#groupOf(connection)?.format;
  }

  /** The groups as they are now; none is empty. */
  groups(): readonly FormatGroup<Context>[] {
    const first = this.#first;
    if (first === undefined) return [];
    return this.#others === undefined ? [first] : [first, ...this.#others];
  }

  /** The members as they are now. */
  members(): Connection<Context>[] {
    return this.groups().flatMap((group) => [...group.members()]);
  }

  /** To all members but `except`. */
  send(message: PreparedMessage, except: ReadonlySet<Connection<Context>> | undefined, delivery: Delivery<Context>): void {
    this.#first?.send(message, except, delivery);
    if (this.#others !== undefined) for (const group of this.#others) group.send(message, except, delivery);
  }

  /** Takes a connection, or one that is in another group. */
  put(connection: Connection<Context>, format: string): void {
    const before = this.#groupOf(connection);
    if (before?.format === format) return;
    if (before !== undefined) this.delete(connection);
    this.#groupFor(format).add(connection);
  }

  /** @returns whether it was a member. */
  delete(connection: Connection<Context>): boolean {
    const group = this.#groupOf(connection);
    if (group === undefined) return false;
    group.delete(connection);
    if (group.size === 0) this.#drop(group);
    return true;
  }

  #groupOf(connection: Connection<Context>): FormatGroup<Context> | undefined {
    if (this.#first?.has(connection) === true) return this.#first;
    return this.#others?.find((group) => group.has(connection));
  }

  #groupFor(format: string): FormatGroup<Context> {
    const known = this.groups().find((group) => group.format === format);
    if (known !== undefined) return known;
    const group = new FormatGroup<Context>(format, this.#makeMembers());
    if (this.#first === undefined) this.#first = group;
    else this.#others = [...(this.#others ?? []), group];
    return group;
  }

  #drop(group: FormatGroup<Context>): void {
    const [first, ...others] = this.groups().filter((one) => one !== group);
    this.#first = first;
    this.#others = others.length === 0 ? undefined : others;
  }
}
