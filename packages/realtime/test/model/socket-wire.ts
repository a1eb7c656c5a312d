import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { encodeClientFrame, Opcode, type FaultProxy, type ProxiedConnection } from "@upwire/testing";
import { FrameSplitter } from "./frame-splitter.ts";
import { MessageReader, type Wire } from "./wire.ts";

/** A connection breaks within so many bytes, in one direction or the other, if it breaks by itself. */
const MOST_BYTES = 30_000;
const HEAD_END = "\r\n\r\n";

/** A connection over TCP, through a proxy that breaks it. */
export class SocketWire implements Wire {
  readonly #socket: Socket;
  readonly #link: ProxiedConnection;
  readonly #frames = new FrameSplitter();
  readonly #messages = new MessageReader();
  readonly #texts: string[] = [];
  #isBroken = false;
  #closedWith: number | undefined;
  pauses = 0;

  private constructor(socket: Socket, link: ProxiedConnection, rest: Buffer) {
    this.#socket = socket;
    this.#link = link;
    this.#read(rest);
    socket.on("data", (chunk: Buffer) => this.#read(chunk));
    socket.on("close", () => (this.#closedWith ??= this.#isBroken ? undefined : 1006));
  }

  static async open(proxy: FaultProxy, target: string, below: (limit: number) => number): Promise<SocketWire> {
    const socket = connect({ port: proxy.port, host: "127.0.0.1", noDelay: true });
    socket.on("error", () => {});
    await once(socket, "connect");
    const link = await proxy.nextConnection();
    const lines = [`GET ${target} HTTP/1.1`, "Host: 127.0.0.1", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"];
    socket.write([...lines, "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==", "Sec-WebSocket-Protocol: upwire.v1", "", ""].join("\r\n"));
    let head = Buffer.alloc(0);
    while (!head.includes(HEAD_END)) {
      const [chunk] = (await once(socket, "data")) as [Buffer];
      head = Buffer.concat([head, chunk]);
    }
    if (!head.toString("latin1").startsWith("HTTP/1.1 101")) throw new Error(`the handshake was refused: ${head.toString("latin1").slice(0, 100)}`);
    const wire = new SocketWire(socket, link, head.subarray(head.indexOf(HEAD_END) + HEAD_END.length));
    wire.#mayBreak(below);
    return wire;
  }

  get isTaking(): boolean {
    return !this.#socket.isPaused();
  }

  set isTaking(isTaking: boolean) {
    if (!isTaking && this.isTaking) this.pauses++;
    if (isTaking) this.#socket.resume();
    else this.#socket.pause();
  }

  get closedWith(): number | undefined {
    return this.#closedWith;
  }

  /** The network has broken it, and the client has found out. */
  get isBroken(): boolean {
    return this.#isBroken;
  }

  send(text: string): void {
    if (this.#socket.writable) this.#socket.write(encodeClientFrame({ opcode: Opcode.text, payload: text }));
  }

  take(): string[] {
    return this.#texts.splice(0);
  }

  takeOne(): void {
    if (this.isTaking) return;
    this.#socket.once("data", () => this.#socket.pause());
    this.#socket.resume();
  }

  /** What is in the network is lost, wherever it was. */
  cut(): string[] {
    this.#isBroken = true;
    this.#link.reset("both");
    this.#socket.destroy();
    return this.take();
  }

  #mayBreak(below: (limit: number) => number): void {
    const kind = below(4);
    const faults = { cutAfterBytes: 1 + below(MOST_BYTES), packetBytes: 1 + below(2000) };
    if (kind > 1) return;
    this.#link.set(kind === 0 ? { toClient: faults } : { toServer: faults });
    void (kind === 0 ? this.#link.toClient : this.#link.toServer).cut().then(() => {
      // What has passed before is still on its way to the client: it reads that before it finds out.
      setImmediate(() => (this.#isBroken = true));
    });
  }

  #read(chunk: Buffer): void {
    for (const frame of this.#frames.push(chunk)) {
      if (frame.opcode === Opcode.ping) this.#socket.write(encodeClientFrame({ opcode: Opcode.pong, payload: frame.payload }));
      else if (frame.opcode === Opcode.close) this.#closedWith ??= frame.payload.byteLength < 2 ? 1005 : frame.payload.readUInt16BE(0);
      else if (frame.opcode !== Opcode.pong) {
        const text = this.#messages.push(frame);
        if (text !== undefined) this.#texts.push(text);
      }
    }
  }
}
