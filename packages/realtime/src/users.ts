import type { Connection } from "@upwire/core";
import { watch } from "@upwire/core/adapter";
import type { Session } from "./session.ts";

/** Told of users that have their first connection here, or have lost their last one. */
export interface UserWatch {
  came(userId: string): void;
  left(userId: string): void;
}

/** The connections of each user. Most have one, which takes no set. */
export class Users<User> {
  readonly #byId = new Map<string, Session<User> | Set<Session<User>>>();
  readonly #idOf: (user: User) => string | undefined;
  /** Set right after its making, before any user comes. */
  watch: UserWatch | undefined;

  /** @param idOf May throw. */
  constructor(idOf: (user: User) => string | undefined = defaultUserId) {
    this.#idOf = idOf;
  }

  get size(): number {
    return this.#byId.size;
  }

  add(session: Session<User>): void {
    const { userId } = session;
    if (userId === undefined) return;
    const known = this.#byId.get(userId);
    if (known === undefined) {
      this.#byId.set(userId, session);
      this.watch?.came(userId);
    } else if (known instanceof Set) known.add(session);
    else this.#byId.set(userId, new Set([known, session]));
  }

  delete(session: Session<User>): void {
    const { userId } = session;
    if (userId === undefined) return;
    const known = this.#byId.get(userId);
    if (known instanceof Set) known.delete(session);
    if (known !== session && !(known instanceof Set && known.size === 0)) return;
    this.#byId.delete(userId);
    this.watch?.left(userId);
  }

  /**
   * Finds out who it is, when the application has set another `connection.context`.
   * @throws what `idOf` throws: then it is a connection of no user.
   */
  identify(session: Session<User>): Session<User> {
    const { user } = session;
    if (session.identified === user) return session;
    this.delete(session);
    session.userId = undefined;
    session.userId = checkedUserId(this.#idOf, user);
    session.identified = user;
    if (session.connection.state !== "closed") this.add(session);
    return session;
  }

  /** As they are now. */
  of(userId: string): Connection<User>[] {
    const known = this.#byId.get(userId);
    if (known === undefined) return [];
    const sessions = known instanceof Set ? [...known] : [known];
    return sessions.filter((session) => this.#isStill(session, userId)).map(({ connection }) => connection);
  }

  #isStill(session: Session<User>, userId: string): boolean {
    try {
      this.identify(session);
    } catch (error) {
      session.connection.report(error);
    }
    return session.userId === userId;
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
