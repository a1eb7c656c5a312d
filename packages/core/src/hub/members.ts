/** Who belongs to something, each of them once. */
export interface Members<Member> {
  readonly size: number;
  has(member: Member): boolean;
  /** Takes one that is not in it. */
  add(member: Member): void;
  /** @returns whether it was in it. */
  delete(member: Member): boolean;
  values(): Iterable<Member>;
  /** The one with this id, where members can be found so. */
  get?(id: string): Member | undefined;
}

/** Many rooms have one member, and most users have one connection: a `Set` for each of them would take three times the memory. */
export class FewMembers<Member extends object> implements Members<Member> {
  #members: Member | Set<Member> | undefined;

  get size(): number {
    const members = this.#members;
    return members instanceof Set ? members.size : members === undefined ? 0 : 1;
  }

  has(member: Member): boolean {
    const members = this.#members;
    return members instanceof Set ? members.has(member) : members === member;
  }

  add(member: Member): void {
    const members = this.#members;
    if (members === undefined) this.#members = member;
    else if (members instanceof Set) members.add(member);
    else this.#members = new Set([members, member]);
  }

  delete(member: Member): boolean {
    const members = this.#members;
    if (members instanceof Set) return members.delete(member);
    if (members !== member) return false;
    this.#members = undefined;
    return true;
  }

  values(): Iterable<Member> {
    const members = this.#members;
    return members instanceof Set ? members : members === undefined ? [] : [members];
  }
}

/** Members that can be found by their ids, without an index beside them. */
export class MembersById<Member extends { readonly id: string }> implements Members<Member> {
  readonly #byId = new Map<string, Member>();

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): Member | undefined {
    return this.#byId.get(id);
  }

  has(member: Member): boolean {
    return this.#byId.get(member.id) === member;
  }

  add(member: Member): void {
    this.#byId.set(member.id, member);
  }

  delete(member: Member): boolean {
    return this.has(member) && this.#byId.delete(member.id);
  }

  values(): Iterable<Member> {
    return this.#byId.values();
  }
}
