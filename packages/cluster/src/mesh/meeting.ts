import { lstat, readdir, rename, rm } from "node:fs/promises";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { MalformedFrame } from "./batch-reader.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { frames } from "./frames.ts";
import { helloFrame, isNode, MAX_HELLO_BYTES, readHello, readRefused, refusedFrame, type Hello, type Refused } from "./hello.ts";

/** A connection that has not said hello within so many ticks is ended; a node that has not answered one is silent. */
const PATIENCE_TICKS = 4;
/** Connections that have not said hello, at most. */
const MAX_STRANGERS = 256;
const SOCKET = ".sock";
/** The name of a socket that is not listened on yet. */
const UNREADY = ".bind";

/** What two nodes need to become peers. */
export interface MeetingEvents {
  /** What this node says to another one. */
  hello(to: string): Hello;
  /** Why this node does not let another one in now. Called with what that one says. */
  judge(hello: Hello): Refused | undefined;
  /** Both have said hello. */
  met(hello: Hello, socket: Socket, splitter: FrameSplitter): void;
  /** This one had been taken for dead, with a rank up to `dead`. */
  rankAbove(dead: number): void;
  /** Its process has ended. */
  gone(node: string): void;
  /** It has not answered for so long. */
  silent(node: string): void;
  /** It cannot be met now, and may be soon. */
  later(node: string): void;
  foreign(error: Error): void;
}

interface Attempt {
  readonly socket: Socket;
  ticks: number;
  readonly settle: () => void;
}

/** How nodes find each other: each listens on a socket in the folder that has its name, and connects to the sockets that are there. */
export class Meeting {
  readonly #folder: string;
  readonly #node: string;
  readonly #app: string;
  readonly #events: MeetingEvents;
  readonly #server: Server = createServer((socket) => this.#accept(socket));
  readonly #attempts = new Map<string, Attempt>();
  /** Connections of others that have not said hello; with their ticks. */
  readonly #strangers = new Map<Socket, number>();
  /** Sockets in the folder that are of no concern, until they are gone. */
  readonly #ignored = new Set<string>();
  #isClosed = false;

  constructor({ folder, node, app, events }: { readonly folder: string; readonly node: string; readonly app: string; readonly events: MeetingEvents }) {
    this.#folder = folder;
    this.#node = node;
    this.#app = app;
    this.#events = events;
  }

  /** Listens. */
  async open(): Promise<void> {
    const unready = join(this.#folder, this.#node + UNREADY);
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(unready, resolve);
    });
    this.#server.on("error", (error) => this.#events.foreign(error));
    // So that each `.sock` is listened on: one that refuses a connection belongs to a process that has ended, and may be removed.
    await rename(unready, this.#pathOf(this.#node));
  }

  /** The other nodes with a socket in the folder. */
  async others(): Promise<string[]> {
    const names = await readdir(this.#folder);
    const nodes = names.flatMap((name) => (name.endsWith(SOCKET) ? [name.slice(0, -SOCKET.length)] : [])).filter((node) => isNode(node) && node !== this.#node);
    for (const node of this.#ignored) if (!nodes.includes(node)) this.#ignored.delete(node);
    return nodes.filter((node) => !this.#ignored.has(node));
  }

  /** Does not meet `node` as long as its socket is there. */
  ignore(node: string): void {
    this.#ignored.add(node);
    this.#end(node);
  }

  /** Connects to `node`, unless that is under way. Fulfils once it was met, is gone, has refused or is silent. */
  meet(node: string): Promise<void> {
    if (this.#isClosed || this.#attempts.has(node) || this.#ignored.has(node)) return Promise.resolve();
    return new Promise((settle) => {
      const socket = connect(this.#pathOf(node));
      const attempt: Attempt = { socket, ticks: 0, settle };
      this.#attempts.set(node, attempt);
      socket.once("connect", () => socket.write(helloFrame("hello", this.#events.hello(node))));
      this.#shake(socket, (kind, frame, splitter) => {
        this.#attempts.delete(node);
        if (kind === frames.welcome) this.#welcomed(node, frame, socket, splitter);
        else this.#refused(node, frame, socket);
        settle();
      });
      socket.on("error", (error: NodeJS.ErrnoException) => void this.#failed(node, error.code));
      socket.once("close", () => {
        if (this.#attempts.get(node) !== attempt) return;
        this.#attempts.delete(node);
        settle();
        this.#events.later(node);
      });
    });
  }

  /** Called about once a second. */
  tick(): void {
    for (const [node, attempt] of this.#attempts) {
      if (++attempt.ticks !== PATIENCE_TICKS) continue;
      // A process that is stopped answers once it goes on: the connection stays.
      this.#events.silent(node);
      attempt.settle();
    }
    for (const [socket, ticks] of this.#strangers) {
      if (ticks >= PATIENCE_TICKS) socket.destroy();
      else this.#strangers.set(socket, ticks + 1);
    }
  }

  /** Removes the socket: no other node can come any more. */
  async hide(): Promise<void> {
    this.#isClosed = true;
    await rm(this.#pathOf(this.#node), { force: true });
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const node of this.#attempts.keys()) this.#end(node);
    for (const socket of this.#strangers.keys()) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #pathOf(node: string): string {
    return join(this.#folder, node + SOCKET);
  }

  #end(node: string): void {
    const attempt = this.#attempts.get(node);
    if (attempt === undefined) return;
    this.#attempts.delete(node);
    attempt.socket.destroy();
    attempt.settle();
  }

  /** Gives the first frame of a connection to `first`, which says what becomes of the next ones. */
  #shake(socket: Socket, first: (kind: number, frame: Buffer, splitter: FrameSplitter) => void): void {
    const splitter = new FrameSplitter(MAX_HELLO_BYTES, (kind, frame) => {
      socket.off("data", read);
      first(kind, frame, splitter);
    });
    const read = (chunk: Buffer): void => {
      try {
        splitter.feed(chunk);
      } catch (error) {
        if (!(error instanceof MalformedFrame)) throw error;
        this.#events.foreign(error);
        socket.destroy();
      }
    };
    socket.on("data", read);
  }

  #welcomed(node: string, frame: Buffer, socket: Socket, splitter: FrameSplitter): void {
    const hello = readHello(frame);
    if (typeof hello === "string" || hello.node !== node) {
      this.#events.foreign(new MalformedFrame(`the socket of ${node} answers as something else`));
      this.ignore(node);
      splitter.stop();
      socket.destroy();
      return;
    }
    const refused = this.#events.judge(hello);
    if (refused === undefined) return this.#meets(hello, socket, splitter);
    splitter.stop();
    socket.destroy();
    this.#events.later(node);
  }

  #refused(node: string, frame: Buffer, socket: Socket): void {
    socket.destroy();
    const { reason, dead } = readRefused(frame) ?? {};
    if (reason === "app" || reason === "closing") return this.ignore(node);
    if (reason === undefined || reason === "version") {
      this.#events.foreign(new Error(`meshBroker: the node ${node} in ${this.#folder} speaks another version of the mesh; nothing goes to it or comes from it`));
      return this.ignore(node);
    }
    if (reason === "rank" && dead !== undefined) this.#events.rankAbove(dead);
    this.#events.later(node);
  }

  async #failed(node: string, code: string | undefined): Promise<void> {
    if (code !== "ECONNREFUSED" && code !== "ENOENT") return;
    const attempt = this.#attempts.get(node);
    this.#attempts.delete(node);
    if (code === "ECONNREFUSED") await this.#clear(node);
    this.#events.gone(node);
    attempt?.settle();
  }

  /** Removes a socket that is not listened on. What is no socket stays. */
  async #clear(node: string): Promise<void> {
    const path = this.#pathOf(node);
    try {
      if ((await lstat(path)).isSocket()) await rm(path, { force: true });
      else this.ignore(node);
    } catch {
      // Another node was faster.
    }
  }

  #accept(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#strangers.size >= MAX_STRANGERS || this.#isClosed) return void socket.destroy();
    this.#strangers.set(socket, 0);
    socket.once("close", () => this.#strangers.delete(socket));
    this.#shake(socket, (kind, frame, splitter) => {
      this.#strangers.delete(socket);
      const hello = kind === frames.hello ? readHello(frame) : "foreign";
      const refused = this.#judge(hello);
      if (typeof hello !== "string" && refused === undefined) return this.#welcome(hello, socket, splitter);
      splitter.stop();
      if (refused === undefined) socket.destroy();
      else socket.end(refusedFrame(refused), () => socket.destroy());
    });
  }

  /** @returns `undefined` for who is welcome, and for bytes that deserve no answer. */
  #judge(hello: ReturnType<typeof readHello>): Refused | undefined {
    if (hello === "foreign") {
      this.#events.foreign(new MalformedFrame(`something that is no node has connected to the socket of ${this.#node}`));
      return undefined;
    }
    if (hello === "version") {
      this.#events.foreign(new Error(`meshBroker: a node in ${this.#folder} speaks another version of the mesh; nothing goes to it or comes from it`));
      return { reason: "version" };
    }
    if (hello.app !== this.#app) return { reason: "app" };
    if (this.#isClosed) return { reason: "closing" };
    // When two nodes connect to each other at the same time, the connection of the one whose name comes first stays.
    if (this.#attempts.has(hello.node) && this.#node < hello.node) return { reason: "busy" };
    return this.#events.judge(hello);
  }

  #welcome(hello: Hello, socket: Socket, splitter: FrameSplitter): void {
    this.#end(hello.node);
    if (hello.dead !== undefined) this.#events.rankAbove(hello.dead);
    socket.write(helloFrame("welcome", this.#events.hello(hello.node)));
    this.#meets(hello, socket, splitter);
  }

  #meets(hello: Hello, socket: Socket, splitter: FrameSplitter): void {
    this.#events.met(hello, socket, splitter);
  }
}
