/** What every library gives for a connection, under one name or another. */
export interface Member<Data> {
  send(data: Data): void;
}

/** The hub that everybody writes first: a loop over `send`. The controls and the rivals use it. */
export class Loop<Data> {
  readonly #rooms = new Map<string, Set<Member<Data>>>();

  join(member: Member<Data>, room = ""): void {
    const members = this.#rooms.get(room);
    if (members === undefined) this.#rooms.set(room, new Set([member]));
    else members.add(member);
  }

  leave(member: Member<Data>, room = ""): void {
    const members = this.#rooms.get(room);
    members?.delete(member);
    if (members?.size === 0) this.#rooms.delete(room);
  }

  broadcast(data: Data, room = ""): void {
    for (const member of this.#rooms.get(room) ?? []) member.send(data);
  }
}
