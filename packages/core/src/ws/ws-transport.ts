import { peerError, type ConnectionError } from "../base/errors.ts";
import { inNoContext } from "../base/no-context.ts";
import type { Transport, TransportEvents } from "../connection/transport.ts";
import { WsOutput, type WebSocketLike } from "./ws-output.ts";
import { readFault } from "./ws-faults.ts";

/** `readyState` of `ws`. */
const CLOSED = 3;

/** A `ws` object of a server that is not ours: `ws` frames, compresses, answers pings and closes; the rest is the same. */
export class WsTransport implements Transport {
  readonly output: WsOutput;
  readonly #ws: WebSocketLike;
  #isBroken = false;
  #events: TransportEvents | undefined;

  constructor(ws: WebSocketLike) {
    this.#ws = ws;
    // As bytes, whatever the plugin wants for itself.
    ws.binaryType = "nodebuffer";
    this.output = new WsOutput(ws, () => inNoContext(() => this.#events?.writable()));
  }

  get answersPings(): boolean {
    return true;
  }

  start(events: TransportEvents): void {
    inNoContext(() => this.#start(events));
  }

  #start(events: TransportEvents): void {
    this.#events = events;
    const ws = this.#ws;
    ws.on("message", (data, isBinary) => {
      if (!this.#takes(data)) return;
      if (isBinary) events.binary(data);
      else events.text(data);
    });
    ws.on("ping", (data) => {
      events.alive();
      events.ping(data);
    });
    ws.on("pong", (data) => {
      events.alive();
      events.pong(data);
    });
    ws.on("error", (error) => this.#break(readFault(error)));
    ws.on("close", (code, reason) => inNoContext(() => this.#onClose(code, reason.toString("utf8"))));
    if (ws.readyState === CLOSED) this.#onClose(1006, "");
    else ws.resume();
  }

  terminate(): void {
    this.#ws.terminate();
  }

  pause(): void {
    this.#ws.pause();
  }

  resume(): void {
    // What was read already is delivered in the context of this call.
    inNoContext(() => this.#ws.resume());
  }

  #takes(message: Buffer): boolean {
    const events = this.#events;
    if (events === undefined) return false;
    events.alive();
    if (this.#isBroken) return false;
    // The limit of its server holds for all of its routes; this one is the route's.
    const { maxMessageBytes } = events.limits;
    if (message.byteLength > maxMessageBytes) this.#break(peerError("ERR_MESSAGE_TOO_BIG"));
    return !this.#isBroken;
  }

  #break(error: ConnectionError): void {
    if (this.#isBroken) return;
    this.#isBroken = true;
    this.#events?.broken(error);
  }

  #onClose(code: number, reason: string): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    // `ws` forgets what it sent when the peer does not answer; the connection knows.
    if (code === 1006) events.closed();
    else events.closed({ code, reason, wasClean: true });
  }
}
