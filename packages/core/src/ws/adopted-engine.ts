import { encodeCloseFrame, encodeFrame, Opcode } from "../wire/frame.ts";
import type { Engine, EngineEvents } from "../connection/engine.ts";
import { peerError, type ConnectionError } from "../base/errors.ts";
import { StreamedMessage } from "../wire/incoming-stream.ts";
import { Message } from "../wire/message.ts";
import type { EngineSetup } from "../connection/native-engine.ts";
import { inNoContext } from "../base/no-context.ts";
import { SendQueue } from "../send/send-queue.ts";
import { WsExit, type WebSocketLike } from "./ws-exit.ts";
import { readFault } from "./ws-reader.ts";

/** `readyState` of `ws`. */
const CLOSED = 3;
const EMPTY = Buffer.alloc(0);

/** A `ws` object of a server that is not ours: `ws` frames, answers pings and closes; the rest is the same. */
export class AdoptedEngine implements Engine {
  readonly queue: SendQueue;
  readonly #ws: WebSocketLike;
  readonly #maxMessageBytes: number;
  /** Each message is given as a stream: of one chunk, since `ws` puts it together. */
  readonly #streams: boolean;
  #failure: ConnectionError | undefined;
  #sentClose: { readonly code: number; readonly reason: string } | undefined;
  #events: EngineEvents | undefined;

  constructor(setup: EngineSetup, ws: WebSocketLike) {
    this.#ws = ws;
    this.#maxMessageBytes = setup.limits.maxMessageBytes;
    this.#streams = setup.streams;
    this.queue = new SendQueue(setup, new WsExit(ws, () => inNoContext(() => this.queue.drained())), undefined);
  }

  /** `ws` does not tell. */
  readonly partialSince = 0;

  /** Neither of this. */
  readonly isBehind = false;

  start(events: EngineEvents): void {
    inNoContext(() => this.#start(events));
  }

  #start(events: EngineEvents): void {
    this.#events = events;
    const ws = this.#ws;
    ws.on("message", (data, isBinary) => this.#onMessage(data, isBinary));
    ws.on("ping", (data) => {
      events.alive();
      events.ping(data);
    });
    ws.on("pong", (data) => {
      events.alive();
      events.pong(data);
    });
    ws.on("error", (error) => this.#fail(readFault(error)));
    ws.on("close", (code, reason) => inNoContext(() => this.#onClose(code, reason.toString("utf8"))));
    if (ws.readyState === CLOSED) this.#onClose(1006, "");
    else ws.resume();
  }

  close(code: number, reason: string): void {
    this.#sentClose ??= { code, reason };
    this.queue.close(code === 1005 ? encodeFrame(Opcode.close, EMPTY) : encodeCloseFrame(code, reason));
    this.resume();
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

  #onMessage(data: Buffer, isBinary: boolean): void {
    this.#events?.alive();
    if (this.#failure !== undefined) return;
    // The limit of its server holds for all of its routes; this one is the route's.
    if (data.byteLength > this.#maxMessageBytes) return this.#fail(peerError("ERR_MESSAGE_TOO_BIG"));
    const message = new Message(data, isBinary);
    if (!this.#streams) return this.#events?.message(message);
    this.#events?.stream(StreamedMessage.of(message));
    this.#events?.streamBytes(data.byteLength);
  }

  #fail(error: ConnectionError): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#events?.fail(error);
  }

  #onClose(code: number, reason: string): void {
    const events = this.#events;
    if (events === undefined) return;
    this.#events = undefined;
    if (code !== 1006) return events.closed({ code, reason, wasClean: true });
    // `ws` forgets what it sent when the peer does not answer.
    events.closed({ ...(this.#sentClose ?? { code, reason }), wasClean: false });
  }
}
