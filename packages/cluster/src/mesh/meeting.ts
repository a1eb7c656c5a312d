import { connect, createServer, type Server, type Socket } from "node:net";
import { MalformedFrame } from "./batch-reader.ts";
import { FrameSplitter } from "./frame-splitter.ts";
import { frames } from "./frames.ts";
import { backFrame, helloFrame, MAX_HELLO_BYTES, readBack, readHello, readRefused, refusedFrame, type Hello, type Refused } from "./hello.ts";
import type { Wires } from "./wires.ts";
import { SocketFolder } from "./socket-folder.ts";

/** A connection that has not said hello within so many ticks is ended; a node that has not answered one is silent. */
const PATIENCE_TICKS = 4;
/** Connections that have not said hello, at most. */
const MAX_STRANGERS = 256;

/** What two nodes need to become peers. */
export interface MeetingEvents {
  /** What this node says to another one. */
  hello(to: string): Hello;
  /** Why this node does not let another one in now. Called with what that one says. */
  judge(hello: Hello): Refused | undefined;
  /** Both have said hello. */
  met(hello: Hello, wires: Wires): void;
  /** This one has been taken for dead, with a rank up to `dead`, and is let in again with a higher one only. */
  rankAbove(dead: number): void;
  /** Another one is let in, which may have taken this one for dead. */
  heed(hello: Hello): void;
  /** Its process has ended. */
  gone(node: string): void;
  /** It has not answered for so long. */
  silent(node: string): void;
  /** It cannot be met now, and may be soon. */
  later(node: string): void;
  foreign(error: Error): void;
}

interface Attempt {
  readonly sockets: Socket[];
  ticks: number;
  readonly settle: () => void;
}

/** A node that has said hello, and has not made its second connection. */
interface Half {
  readonly hello: Hello;
  readonly token: number;
  readonly input: Socket;
  readonly splitter: FrameSplitter;
}

/**
 * How nodes find each other: each listens on a socket in the folder, and connects to the sockets that are there, twice: who connects
 * writes to the first connection, and who is connected to writes to the second.
 */
export class Meeting {
  readonly #folder: SocketFolder;
  readonly #node: string;
  readonly #app: string;
  readonly #events: MeetingEvents;
  readonly #server: Server = createServer((socket) => this.#accept(socket));
  readonly #attempts = new Map<string, Attempt>();
  /** Connections of others that have not said hello; with their ticks. */
  readonly #strangers = new Map<Socket, number>();
  readonly #halves = new Map<string, Half>();
  #tokens = 0;
  #isClosed = false;

  constructor({ folder, node, app, events }: { readonly folder: string; readonly node: string; readonly app: string; readonly events: MeetingEvents }) {
    this.#folder = new SocketFolder(folder, node);
    this.#node = node;
    this.#app = app;
    this.#events = events;
  }

  /** Listens, and shows the socket. Closed meanwhile, it leaves none behind. */
  async open(): Promise<void> {
    await new Promise<void>((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.once("close", resolve);
      this.#server.listen(this.#folder.unready, resolve);
    });
    this.#server.on("error", (error) => this.#events.foreign(error));
    try {
      await this.#folder.show();
    } catch (error) {
      // A server that was closed has removed its socket.
      if (!this.#isClosed) throw error;
    }
    if (this.#isClosed) await this.#folder.hide();
  }

  /** The other nodes with a socket in the folder. */
  others(): Promise<string[]> {
    return this.#folder.others();
  }

  /** Does not meet `node` as long as its socket is there. */
  ignore(node: string): void {
    this.#folder.ignore(node);
    this.#end(node);
  }

  /** Connects to `node`, unless that is under way. Fulfils once it was met, is gone, has refused or is silent. */
  meet(node: string): Promise<void> {
    if (this.#isClosed || this.#attempts.has(node) || this.#folder.isIgnored(node)) return Promise.resolve();
    return new Promise((settle) => {
      const attempt: Attempt = { sockets: [], ticks: 0, settle };
      this.#attempts.set(node, attempt);
      const output = this.#connect(node, attempt);
      output.once("connect", () => output.write(helloFrame("hello", this.#events.hello(node))));
      this.#shake(output, (kind, frame) => {
        if (kind === frames.welcome) this.#welcomed(node, attempt, frame, output);
        else this.#refused(node, attempt, frame);
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
    await this.#folder.hide();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    for (const node of this.#attempts.keys()) this.#end(node);
    for (const socket of this.#strangers.keys()) socket.destroy();
    await new Promise<void>((resolve) => void this.#server.close(() => resolve()));
  }

  #connect(node: string, attempt: Attempt): Socket {
    const socket = connect(this.#folder.pathOf(node));
    attempt.sockets.push(socket);
    socket.on("error", (error: NodeJS.ErrnoException) => void this.#failed(node, attempt, error.code));
    socket.once("close", () => this.#settle(node, attempt) && this.#events.later(node));
    return socket;
  }

  /** @returns whether it was under way. */
  #settle(node: string, attempt: Attempt): boolean {
    if (this.#attempts.get(node) !== attempt) return false;
    this.#attempts.delete(node);
    attempt.settle();
    return true;
  }

  #end(node: string): void {
    const attempt = this.#attempts.get(node);
    if (attempt === undefined) return;
    this.#settle(node, attempt);
    for (const socket of attempt.sockets) socket.destroy();
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

  #welcomed(node: string, attempt: Attempt, frame: Buffer, output: Socket): void {
    const hello = readHello(frame);
    if (typeof hello === "string" || hello.node !== node || hello.token === undefined) {
      this.#events.foreign(new MalformedFrame(`the socket of ${node} answers as something else`));
      return this.ignore(node);
    }
    if (this.#events.judge(hello) !== undefined) {
      this.#end(node);
      return this.#events.later(node);
    }
    const { token } = hello;
    const input = this.#connect(node, attempt);
    const splitter = new FrameSplitter(MAX_HELLO_BYTES, () => {});
    input.once("connect", () => {
      input.write(backFrame({ node: this.#node, token }));
      if (this.#settle(node, attempt)) this.#events.met(hello, { input, splitter, output });
    });
  }

  #refused(node: string, attempt: Attempt, frame: Buffer): void {
    const { reason, dead } = readRefused(frame) ?? {};
    if (!this.#settle(node, attempt)) return;
    for (const socket of attempt.sockets) socket.destroy();
    if (reason === "app" || reason === "closing") return this.ignore(node);
    if (reason === undefined || reason === "version") {
      this.#events.foreign(
        new Error(`meshBroker: the node ${node} in ${this.#folder.path} speaks another version of the mesh; nothing goes to it or comes from it`),
      );
      return this.ignore(node);
    }
    if (reason === "rank" && dead !== undefined) this.#events.rankAbove(dead);
    this.#events.later(node);
  }

  async #failed(node: string, attempt: Attempt, code: string | undefined): Promise<void> {
    if (code !== "ECONNREFUSED" && code !== "ENOENT") return;
    if (this.#attempts.get(node) !== attempt) return;
    this.#attempts.delete(node);
    if (code === "ECONNREFUSED") await this.#folder.clear(node);
    this.#events.gone(node);
    attempt.settle();
  }

  #accept(socket: Socket): void {
    socket.on("error", () => {});
    if (this.#strangers.size >= MAX_STRANGERS || this.#isClosed) return void socket.destroy();
    this.#strangers.set(socket, 0);
    socket.once("close", () => this.#strangers.delete(socket));
    this.#shake(socket, (kind, frame, splitter) => {
      if (kind === frames.back) return this.#back(frame, socket);
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
      this.#events.foreign(new Error(`meshBroker: a node in ${this.#folder.path} speaks another version of the mesh; nothing goes to it or comes from it`));
      return { reason: "version" };
    }
    if (hello.app !== this.#app) return { reason: "app" };
    if (this.#isClosed) return { reason: "closing" };
    // When two nodes connect to each other at the same time, the connection of the one whose name comes first stays.
    if (this.#attempts.has(hello.node) && this.#node < hello.node) return { reason: "busy" };
    return this.#events.judge(hello);
  }

  #welcome(hello: Hello, input: Socket, splitter: FrameSplitter): void {
    const { node } = hello;
    this.#end(node);
    this.#events.heed(hello);
    const token = ++this.#tokens;
    this.#halves.get(node)?.input.destroy();
    this.#halves.set(node, { hello, token, input, splitter });
    input.once("close", () => {
      if (this.#halves.get(node)?.token === token) this.#halves.delete(node);
    });
    // What follows is for the link.
    input.pause();
    input.write(helloFrame("welcome", { ...this.#events.hello(node), token }));
  }

  #back(frame: Buffer, output: Socket): void {
    const { node, token } = readBack(frame) ?? { node: "", token: 0 };
    const half = this.#halves.get(node);
    if (half === undefined || half.token !== token) return void output.destroy();
    this.#halves.delete(node);
    if (this.#isClosed || this.#events.judge(half.hello) !== undefined) {
      half.input.destroy();
      return void output.destroy();
    }
    this.#strangers.delete(half.input);
    this.#strangers.delete(output);
    // The first batch names the number that was said in the welcome: nothing has come since.
    this.#events.met(half.hello, { input: half.input, splitter: half.splitter, output });
  }
}
