import { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { Places } from "../../../src/mesh/socket-folder.ts";
import type { Process } from "./process.ts";

interface Node {
  readonly process: Process;
  /** `undefined` once it does not listen any more. */
  accept: ((socket: Socket) => void) | undefined;
}

/** The Unix sockets of one machine. What was written is read, also after the end of the process that has written it. */
export class Network {
  readonly nodes: Map<string, Node> = new Map();
  readonly #ends: End[] = [];
  /** What the operating system has to tell processes, apart from what comes over a connection. */
  readonly #calls: { readonly process: Process; readonly run: () => void }[] = [];

  places(node: string, process: Process): Places {
    const ignored = new Set<string>();
    const { nodes } = this;
    return {
      path: "/steps",
      open: () => Promise.resolve(),
      listen: async (accept) => void nodes.set(node, { process, accept }),
      connect: (to) => this.#connect(process, to),
      async others() {
        for (const other of ignored) if (!nodes.has(other)) ignored.delete(other);
        return [...nodes.keys()].filter((other) => other !== node && !ignored.has(other));
      },
      ignore: (other) => void ignored.add(other),
      isIgnored: (other) => ignored.has(other),
      clear: async (other) => void nodes.delete(other),
      hide: async () => void nodes.delete(node),
      close: () => Promise.resolve(),
    };
  }

  /** One for each thing that can happen next: a process reads from one of its sockets, or hears of one. */
  happenings(): (() => void)[] {
    // Of what the operating system tells one process the first comes first.
    const processes = new Set<Process>();
    const calls = this.#calls.filter(({ process }) => process.state === "works" && !processes.has(process) && processes.add(process));
    const reads = this.#ends.filter((end) => end.isReadable);
    return [
      ...calls.map((call) => () => {
        this.#calls.splice(this.#calls.indexOf(call), 1);
        call.run();
      }),
      ...reads.map((end) => () => end.read()),
    ];
  }

  /** The process has been killed: its connections end. */
  killed(process: Process): void {
    for (const end of this.#ends) if (end.process === process) end.destroyedByKernel();
  }

  tell(process: Process, run: () => void): void {
    this.#calls.push({ process, run });
  }

  forget(end: End): void {
    this.#ends.splice(this.#ends.indexOf(end), 1);
  }

  #connect(process: Process, to: string): Socket {
    const near = new End(process, this);
    const node = this.nodes.get(to);
    if (node === undefined || node.process.state === "killed") {
      const code = node === undefined ? "ENOENT" : "ECONNREFUSED";
      this.tell(process, () => {
        near.emit("error", Object.assign(new Error(code), { code }));
        near.emit("close");
      });
      return near as unknown as Socket;
    }
    const far = new End(node.process, this);
    near.other = far;
    far.other = near;
    this.#ends.push(near, far);
    this.tell(process, () => near.emit("connect"));
    this.tell(node.process, () => node.accept?.(far as unknown as Socket));
    return near as unknown as Socket;
  }
}

/** One end of a connection: as much of a `Socket` as a mesh uses. */
class End extends EventEmitter {
  readonly process: Process;
  other: End | undefined;
  readonly #network: Network;
  /** What has come and was not read; `undefined` is the end. */
  readonly #come: (Buffer | undefined)[] = [];
  #isPaused = false;
  #isDestroyed = false;

  constructor(process: Process, network: Network) {
    super();
    this.process = process;
    this.#network = network;
  }

  get isReadable(): boolean {
    return this.process.state === "works" && this.#come.length > 0 && !this.#isPaused && !this.#isDestroyed && this.listenerCount("data") > 0;
  }

  read(): void {
    const chunk = this.#come.shift();
    if (chunk === undefined) this.destroy();
    else this.emit("data", chunk);
  }

  write(bytes: Buffer): boolean {
    // The bytes of a writer are in memory that the next batches have in common.
    const copy = Buffer.from(bytes);
    this.process.write(() => this.other?.come(copy));
    return true;
  }

  end(...last: readonly unknown[]): void {
    const done = last.at(-1);
    if (Buffer.isBuffer(last[0])) this.write(last[0]);
    this.process.write(() => this.other?.come(undefined));
    if (typeof done === "function") this.#network.tell(this.process, done as () => void);
  }

  come(chunk: Buffer | undefined): void {
    if (!this.#isDestroyed) this.#come.push(chunk);
  }

  destroy(): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.#network.forget(this);
    this.#network.tell(this.process, () => this.emit("close"));
    this.process.write(() => this.other?.come(undefined));
  }

  destroyedByKernel(): void {
    this.#isDestroyed = true;
    this.other?.come(undefined);
  }

  pause(): void {
    this.#isPaused = true;
  }

  resume(): void {
    this.#isPaused = false;
  }

  cork(): void {}

  uncork(): void {}
}
