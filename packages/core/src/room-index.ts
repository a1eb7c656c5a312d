/** Who is in which room, both ways round; empty rooms do not exist. */
export class RoomIndex<Member> {
  readonly #members = new Map<string, Set<Member>>();
  /** Many are in one room only, and a `Set` for each of them would cost more than all of the rest. */
  readonly #rooms = new Map<Member, string | Set<string>>();

  /** The names of all rooms that somebody is in. */
  get names(): string[] {
    return [...this.#members.keys()];
  }

  join(member: Member, room: string): void {
    const members = this.#members.get(room);
    if (members === undefined) this.#members.set(room, new Set([member]));
    else members.add(member);
    const rooms = this.#rooms.get(member);
    if (rooms === undefined) this.#rooms.set(member, room);
    else if (typeof rooms !== "string") rooms.add(room);
    else if (rooms !== room) this.#rooms.set(member, new Set([rooms, room]));
  }

  leave(member: Member, room: string): void {
    const members = this.#members.get(room);
    members?.delete(member);
    if (members?.size === 0) this.#members.delete(room);
    const rooms = this.#rooms.get(member);
    if (rooms === room) this.#rooms.delete(member);
    if (!(rooms instanceof Set)) return;
    rooms.delete(room);
    if (rooms.size === 0) this.#rooms.delete(member);
  }

  leaveAll(member: Member): void {
    for (const room of this.roomsOf(member)) this.leave(member, room);
  }

  has(member: Member, room: string): boolean {
    return this.#members.get(room)?.has(member) ?? false;
  }

  /** In how many rooms this member is. */
  countOf(member: Member): number {
    const rooms = this.#rooms.get(member);
    return rooms instanceof Set ? rooms.size : rooms === undefined ? 0 : 1;
  }

  membersOf(room: string): ReadonlySet<Member> {
    return this.#members.get(room) ?? new Set();
  }

  roomsOf(member: Member): string[] {
    const rooms = this.#rooms.get(member);
    return rooms instanceof Set ? [...rooms] : rooms === undefined ? [] : [rooms];
  }
}
