import { lstat, readdir, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { isNodeName } from "../broker/node-name.ts";
import { openFolder } from "./folder.ts";

const SOCKET = ".sock";
/** The name of a socket that is not listened on yet. */
const UNREADY = ".bind";

/** Where nodes find each other, and how they connect. */
export interface Places {
  /** Names the place to a reader of errors. */
  readonly path: string;
  /** Makes the place ready. Rejects with an Error that says what is wrong with it. */
  open(): Promise<void>;
  /** Lets the others find this node, and gives `accept` each connection. `failed` gets what goes wrong later. */
  listen(accept: (socket: Socket) => void, failed: (error: Error) => void): Promise<void>;
  /** The socket has an `error` with the code ENOENT when no such node is there, ECONNREFUSED when its process has ended. */
  connect(node: string): Socket;
  /** The other nodes that are there. */
  others(): Promise<string[]>;
  /** Leaves the node out of `others` as long as it is there. */
  ignore(node: string): void;
  isIgnored(node: string): boolean;
  /** Removes what a process that has ended has left. */
  clear(node: string): Promise<void>;
  /** The others do not find this node any more. */
  hide(): Promise<void>;
  /** Accepts no connection any more. */
  close(): Promise<void>;
}

/** The sockets in the folder of a mesh: each has the name of its node. */
export class SocketFolder implements Places {
  readonly path: string;
  readonly #node: string;
  #server: Server | undefined;
  #isHidden = false;
  /** Sockets that are of no concern, until they are gone. */
  readonly #ignored = new Set<string>();

  constructor(path: string, node: string) {
    this.path = path;
    this.#node = node;
  }

  open(): Promise<void> {
    return openFolder(this.path);
  }

  /**
   * Gives the socket of this node its name once it is listened on: thus a socket with such a name that refuses a connection belongs
   * to a process that has ended, and may be removed. Hidden or closed meanwhile, it leaves no socket behind.
   */
  async listen(accept: (socket: Socket) => void, failed: (error: Error) => void): Promise<void> {
    const server = (this.#server = createServer(accept));
    const unready = join(this.path, this.#node + UNREADY);
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.once("close", resolve);
      server.listen(unready, resolve);
    });
    server.on("error", failed);
    try {
      await rename(unready, this.#pathOf(this.#node));
    } catch (error) {
      // A server that was closed has removed its socket.
      if (!this.#isHidden) throw error;
    }
    if (this.#isHidden) await this.hide();
  }

  connect(node: string): Socket {
    return connect(this.#pathOf(node));
  }

  close(): Promise<void> {
    this.#isHidden = true;
    return new Promise((resolve) => {
      if (this.#server === undefined) resolve();
      else this.#server.close(() => resolve());
    });
  }

  hide(): Promise<void> {
    this.#isHidden = true;
    return rm(this.#pathOf(this.#node), { force: true });
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
    const path = this.#pathOf(node);
    try {
      if ((await lstat(path)).isSocket()) await rm(path, { force: true });
      else this.ignore(node);
    } catch {
      // Another node was faster.
    }
  }

  #pathOf(node: string): string {
    return join(this.path, node + SOCKET);
  }
}
