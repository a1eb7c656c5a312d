import type { Connection } from "@upwire/core";
import { watch } from "@upwire/core/adapter";
import type { Session } from "./session.ts";

/** The connections of each user. Most have one, which takes no set. */
export class Users<User> {
  readonly #byId = new Map<string, Session<User> | Set<Session<User>>>();

  get size(): number {
    return this.#byId.size;
  }

  add(session: Session<User>): void {
    const { userId } = session;
    if (userId === undefined) return;
    const known = this.#byId.get(userId);
    if (known === undefined) this.#byId.set(userId, session);
    else if (known instanceof Set) known.add(session);
    else this.#byId.set(userId, new Set([known, session]));
  }

  delete(session: Session<User>): void {
    const { userId } = session;
    if (userId === undefined) return;
    const known = this.#byId.get(userId);
    if (known === session) this.#byId.delete(userId);
    if (!(known instanceof Set)) return;
    known.delete(session);
    if (known.size === 0) this.#byId.delete(userId);
  }

  /** As they are now. */
  of(userId: string): Connection<User>[] {
    const known = this.#byId.get(userId);
    if (known === undefined) return [];
    return known instanceof Set ? [...known].map(({ connection }) => connection) : [known.connection];
  }
}

/** What a user is called, unless `userId` says it: itself, or its `id`. */
export function defaultUserId(user: unknown): string | undefined {
  if (typeof user === "string") return user;
  const { id } = (user ?? {}) as { readonly id?: unknown };
  return typeof id === "string" ? id : undefined;
}

/** The id that `idOf` gives. @throws TypeError for what is neither text nor `undefined`, a promise too; and what `idOf` throws. */
export function checkedUserId<User>(idOf: (user: User) => unknown, user: User): string | undefined {
  const id = idOf(user);
  if (id === undefined || typeof id === "string") return id;
  watch(id, () => {});
  throw new TypeError("userId: it gave no text; give the id of the user at once, or undefined for none");
}
