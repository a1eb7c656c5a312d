/** Who is in which room, both ways round; empty rooms do not exist. */
export class RoomIndex<Member> {
  readonly #members = new Map<string, Set<Member>>();
  readonly #rooms = new Map<Member, Set<string>>();

  /** The names of all rooms that somebody is in. */
  get names(): string[] {
    return [...this.#members.keys()];
  }

  join(member: Member, room: string): void {
    add(this.#members, room, member);
    add(this.#rooms, member, room);
  }

  leave(member: Member, room: string): void {
    remove(this.#members, room, member);
    remove(this.#rooms, member, room);
  }

  leaveAll(member: Member): void {
    for (const room of this.roomsOf(member)) this.leave(member, room);
  }

  has(member: Member, room: string): boolean {
    return this.#rooms.get(member)?.has(room) ?? false;
  }

  /** In how many rooms this member is. */
  countOf(member: Member): number {
    return this.#rooms.get(member)?.size ?? 0;
  }

  membersOf(room: string): ReadonlySet<Member> {
    return this.#members.get(room) ?? new Set();
  }

  roomsOf(member: Member): string[] {
    return [...(this.#rooms.get(member) ?? [])];
  }
}

function add<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  if (set === undefined) sets.set(key, new Set([value]));
  else set.add(value);
}

function remove<Key, Value>(sets: Map<Key, Set<Value>>, key: Key, value: Value): void {
  const set = sets.get(key);
  set?.delete(value);
  if (set?.size === 0) sets.delete(key);
}
