import { createHash } from "node:crypto";
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { scripts } from "../../src/lua/scripts.ts";
import { leaseScript } from "../../src/nodes/scripts.ts";

/** What becomes of one command: it gets the connection, and what a right server would answer. */
export type Fault = (socket: Socket, answer: Buffer) => void;

type Value = string | number | null | readonly Value[];

/** Words of a command: the name in capitals, with its subcommand. */
const SUBCOMMANDS: ReadonlySet<string> = new Set(["SCRIPT", "INFO", "CLIENT"]);

/** A server that speaks as much of Redis as a broker needs to start on it, and is wrong at one command. */
export class FakeRedis {
  /** Each command that came, once, in the order of the first. */
  readonly commands = new Set<string>();
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #subscribers = new Map<string, Set<Socket>>();
  readonly #at: string;
  readonly #fault: Fault;

  private constructor(at: string, fault: Fault) {
    this.#at = at;
    this.#fault = fault;
    this.#server = createServer((socket) => this.#serve(socket));
  }

  static async start(at = "", fault: Fault = () => {}): Promise<FakeRedis> {
    const server = new FakeRedis(at, fault);
    await once(server.#server.listen(0, "127.0.0.1"), "listening");
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #serve(socket: Socket): void {
    this.#sockets.add(socket);
    let unread = "";
    socket
      .on("error", () => {})
      .on("close", () => {
        this.#sockets.delete(socket);
        for (const all of this.#subscribers.values()) all.delete(socket);
      });
    socket.setEncoding("latin1").on("data", (data: string) => {
      unread += data;
      for (let read = readCommand(unread); read !== undefined; read = readCommand(unread)) {
        unread = read.rest;
        this.#command(socket, read.words);
      }
    });
  }

  #command(socket: Socket, words: readonly string[]): void {
    const [first = "", second = ""] = words.map((word) => word.toUpperCase());
    const name = SUBCOMMANDS.has(first) ? `${first} ${second}` : first;
    this.commands.add(name);
    const answer = Buffer.concat(this.#answers(socket, first, words).map((value) => Buffer.from(encode(value), "latin1")));
    if (name === this.#at) this.#fault(socket, answer);
    else socket.write(answer);
  }

  #answers(socket: Socket, name: string, [, ...args]: readonly string[]): Value[] {
    switch (name) {
      case "HELLO":
        if (args[0] === "3") return ["-NOPROTO unsupported protocol version"];
        return [["server", "redis", "version", "7.0.15", "proto", 2, "id", 1, "mode", "standalone", "role", "master", "modules", []]];
      case "PING":
        return [args[0] ?? "PONG"];
      case "INFO":
        return [args[0] === "memory" ? "maxmemory:0\r\n" : `run_id:${"0".repeat(40)}\r\n`];
      case "EVAL":
        return [[]];
      case "SCRIPT":
        return [
          createHash("sha1")
            .update(args[1] ?? "", "latin1")
            .digest("hex"),
        ];
      case "SUBSCRIBE":
        return args.map((channel, at) => {
          const all = this.#subscribers.get(channel) ?? new Set();
          this.#subscribers.set(channel, all.add(socket));
          return ["subscribe", channel, at + 1];
        });
      case "PUBLISH":
        return [this.#publish(args)];
      case "EVALSHA":
        if (args[0] === leaseScript.sha) return [[[args[4] ?? ""], "0-0"]];
        return [scripts.some(({ sha }) => sha === args[0]) ? ["epoch-of-it", 0, "run"] : ["0-0", 0, []]];
      case "ZREM":
        return [1];
      default:
        return ["+OK"];
    }
  }

  #publish([channel = "", data = ""]: readonly string[]): number {
    const all = this.#subscribers.get(channel) ?? new Set();
    for (const socket of all) socket.write(Buffer.from(encode(["message", channel, data]), "latin1"));
    return all.size;
  }
}

/** One command at the start of `text`, and what follows it; `undefined` when it is not all there yet. */
function readCommand(text: string): { readonly words: readonly string[]; readonly rest: string } | undefined {
  const head = /^\*(\d+)\r\n/.exec(text);
  if (head === null) return undefined;
  let at = head[0].length;
  const words: string[] = [];
  for (let left = Number(head[1]); left > 0; left--) {
    const size = /^\$(\d+)\r\n/.exec(text.slice(at, at + 20));
    if (size === null) return undefined;
    const from = at + size[0].length;
    at = from + Number(size[1]) + 2;
    if (text.length < at) return undefined;
    words.push(text.slice(from, at - 2));
  }
  return { words, rest: text.slice(at) };
}

/** A text that begins with + or - stands as it is. */
function encode(value: Value): string {
  if (value === null) return "$-1\r\n";
  if (typeof value === "number") return `:${value}\r\n`;
  if (typeof value === "string") return /^[+-]/.test(value) ? `${value}\r\n` : `$${value.length}\r\n${value}\r\n`;
  return `*${value.length}\r\n${value.map(encode).join("")}`;
}
