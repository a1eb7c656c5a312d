import type { CloseInfo } from "../base/close-code.ts";
import { guard } from "../base/guard.ts";

export type CloseListener = (info: CloseInfo, owner: object) => unknown;

/** The listeners for the end of a connection, in the order in which they were added. A base class, so that it costs no object of its own. */
export abstract class CloseListeners {
  closeInfo: CloseInfo | undefined;
  /** Most connections have two, and an array costs 64 bytes. */
  #first: CloseListener | undefined;
  #later: CloseListener | CloseListener[] | undefined;
  /** One promise for all who ask: each has a listener, which stays as long as the connection. */
  #over: Promise<CloseInfo> | undefined;

  /** The connection that users hold. */
  abstract get owner(): object;

  /** Gets what code of the application fails with. Never throws. */
  abstract report(error: unknown): void;

  onClose(listener: CloseListener): void {
    const later = this.#later;
    if (this.closeInfo !== undefined) this.#tell(listener, this.closeInfo);
    else if (this.#first === undefined) this.#first = listener;
    else if (later === undefined) this.#later = listener;
    else if (Array.isArray(later)) later.push(listener);
    else this.#later = [later, listener];
  }

  /** Forgets one; once, when it was given several times. */
  offClose(listener: CloseListener): void {
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

  /** Settles with how the connection ended. Every caller gets the same promise. */
  get over(): Promise<CloseInfo> {
    this.#over ??= new Promise((resolve) => this.onClose(resolve));
    return this.#over;
  }

  /** Calls every listener, and forgets them. */
  protected tellAll(info: CloseInfo): void {
    const all = [this.#first ?? [], this.#later ?? []].flat();
    this.#first = undefined;
    this.#later = undefined;
    for (const listener of all) this.#tell(listener, info);
  }

  /** One listener that fails must not keep the others from being told. */
  #tell(listener: CloseListener, info: CloseInfo): void {
    guard(
      () => listener(info, this.owner),
      (error) => this.report(error),
    );
  }
}
