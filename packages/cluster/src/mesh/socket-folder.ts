import { lstat, readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { isNodeName } from "../broker/node-name.ts";

const SOCKET = ".sock";
/** The name of a socket that is not listened on yet. */
const UNREADY = ".bind";

/** The sockets in the folder of a mesh: each has the name of its node. */
export class SocketFolder {
  readonly path: string;
  readonly #node: string;
  /** Sockets that are of no concern, until they are gone. */
  readonly #ignored = new Set<string>();

  constructor(path: string, node: string) {
    this.path = path;
    this.#node = node;
  }

  /** Where this node begins to listen. */
  get unready(): string {
    return join(this.path, this.#node + UNREADY);
  }

  pathOf(node: string): string {
    return join(this.path, node + SOCKET);
  }

  /**
   * Gives the socket of this node its name, once it is listened on: thus a socket with such a name that refuses a connection belongs
   * to a process that has ended, and may be removed.
   */
  show(): Promise<void> {
    return rename(this.unready, this.pathOf(this.#node));
  }

  hide(): Promise<void> {
    return rm(this.pathOf(this.#node), { force: true });
  }

  /** The other nodes with a socket here. */
  async others(): Promise<string[]> {
    const names = await readdir(this.path);
    const nodes = names
      .flatMap((name) => (name.endsWith(SOCKET) ? [name.slice(0, -SOCKET.length)] : []))
      .filter((node) => isNodeName(node) && node !== this.#node);
    for (const node of this.#ignored) if (!nodes.includes(node)) this.#ignored.delete(node);
    return nodes.filter((node) => !this.#ignored.has(node));
  }

  ignore(node: string): void {
    this.#ignored.add(node);
  }

  isIgnored(node: string): boolean {
    return this.#ignored.has(node);
  }

  /** Removes a socket that is not listened on. What is no socket stays. */
  async clear(node: string): Promise<void> {
    const path = this.pathOf(node);
    try {
      if ((await lstat(path)).isSocket()) await rm(path, { force: true });
      else this.ignore(node);
    } catch {
      // Another node was faster.
    }
  }
}
