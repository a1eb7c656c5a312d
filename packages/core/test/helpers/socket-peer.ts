import { closePayload, encodeClientFrame, Opcode, type TransportPeer } from "@upwire/testing";
import type { FakeSocket } from "./fake-socket.ts";

/** The client at the other end of a socket. */
export class SocketPeer implements TransportPeer {
  readonly #socket: FakeSocket;

  constructor(socket: FakeSocket) {
    this.#socket = socket;
    // As a client does when the server has ended its side.
    socket.once("finish", () => socket.destroy());
  }

  get written(): Buffer[] {
    return this.#socket.written;
  }

  get isTaking(): boolean {
    return this.#socket.isTaking;
  }

  set isTaking(isTaking: boolean) {
    this.#socket.isTaking = isTaking;
    if (isTaking) this.#socket.release();
  }

  get isPaused(): boolean {
    return this.#socket.isPaused();
  }

  get isEnded(): boolean {
    return this.#socket.writableFinished;
  }

  release(): void {
    this.#socket.release();
  }

  text(data: string): void {
    this.#receive(Opcode.text, data);
  }

  binary(data: Uint8Array): void {
    this.#receive(Opcode.binary, data);
  }

  ping(data: string): void {
    this.#receive(Opcode.ping, data);
  }

  pong(data: string): void {
    this.#receive(Opcode.pong, data);
  }

  close(code?: number, reason?: string): void {
    this.#receive(Opcode.close, closePayload(code, reason));
  }

  end(): void {
    if (!this.#isOver) this.#socket.push(null);
  }

  breakRule(): void {
    this.#receive(Opcode.text, "not masked", false);
  }

  destroy(): void {
    this.#socket.destroy();
  }

  get #isOver(): boolean {
    return this.#socket.destroyed || this.#socket.readableEnded;
  }

  #receive(opcode: number, payload: Uint8Array | string, mask = true): void {
    if (!this.#isOver) this.#socket.receive(encodeClientFrame({ opcode, payload, mask }));
  }
}
