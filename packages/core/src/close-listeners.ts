import type { CloseInfo } from "./close-code.ts";

export type CloseListener = (info: CloseInfo, owner: object) => unknown;

/** Who is told when a connection is over, in the order in which they asked. */
export class CloseListeners {
  /** Most connections have two, and an array costs 64 bytes. */
  #first: CloseListener | undefined;
  #later: CloseListener | CloseListener[] | undefined;

  add(listener: CloseListener): void {
    const later = this.#later;
    if (this.#first === undefined) this.#first = listener;
    else if (later === undefined) this.#later = listener;
    else if (Array.isArray(later)) later.push(listener);
    else this.#later = [later, listener];
  }

  /** Forgets one; once, when it was given several times. */
  delete(listener: CloseListener): void {
    const later = this.#later;
    if (this.#first === listener) {
      // The next one moves up, so that the order stays.
      this.#first = Array.isArray(later) ? later.shift() : later;
      if (!Array.isArray(later) || later.length === 0) this.#later = undefined;
    } else if (later === listener) {
      this.#later = undefined;
    } else if (Array.isArray(later)) {
      const at = later.indexOf(listener);
      if (at >= 0) later.splice(at, 1);
    }
  }

  /** All of them, and then there are none. */
  take(): CloseListener[] {
    const all = [this.#first ?? [], this.#later ?? []].flat();
    this.#first = undefined;
    this.#later = undefined;
    return all;
  }
}
