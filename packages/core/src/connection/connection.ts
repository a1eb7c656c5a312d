import { randomUUID } from "node:crypto";
import type { Writable } from "node:stream";
import { types } from "node:util";
import { checkClose, CloseCode, type CloseInfo, MAX_CONTROL_BYTES } from "../base/close-code.ts";
import type { Closure } from "../base/closure.ts";
import { ConnectionError } from "../base/errors.ts";
import { flat } from "../base/flat-string.ts";
import { givenBytes } from "../wire/given-bytes.ts";
import { kindOf } from "../base/kind-of.ts";
import { shownValue } from "../base/option-check.ts";
import { channels } from "../base/channels.ts";
import { guard } from "../base/guard.ts";
import type { ConnectionEvents } from "./connection-events.ts";
import type { ConnectionSetup } from "./connection-setup.ts";
import type { Inbound } from "./inbound.ts";
import type { Farewell } from "./connection-events.ts";
import { Lifecycle } from "./lifecycle.ts";
import type { DeflateParameters } from "../wire/compression.ts";
import { jsonText } from "../wire/json-text.ts";
import type { Message } from "../wire/message.ts";
import type { SendQueue } from "../send/send-queue.ts";
import type { Sendable, SendOptions } from "../send/sendable.ts";
import { SlotHolder } from "./slot.ts";
import type { Transport } from "./transport.ts";
import type { ConnectionRequest } from "../checks/upgrade-request.ts";

export interface ConnectionInit<Context> {
  readonly idPrefix: string;
  readonly context: Context;
  readonly remoteAddress: string;
  readonly subprotocol: string;
  readonly request: ConnectionRequest;
  /** What was agreed on in the handshake, if it is we who compress. */
  readonly deflate: DeflateParameters | undefined;
}

/** Reads the private queue of a connection. The class assigns it in a static block, so that users of a connection have no way to its queue. */
let queueIn: (connection: object) => SendQueue | undefined;

/** For audiences. `undefined` for what only looks like a connection: a stand-in in a test, or one of another copy of core. */
export function queueOf(connection: object): SendQueue | undefined {
  return queueIn(connection);
}

/** One client. Every method is safe at any time: on a connection that is closing or closed nothing happens. */
export class Connection<Context = unknown> extends SlotHolder {
  /** A random UUID behind `connectionIdPrefix`, unique in every process. It may be shown to other clients; it proves nothing. */
  readonly id: string;
  /** What `authorize` returned. Where TypeScript says `unknown`, the doc comment of `authorize` tells how to type it. */
  context: Context;
  /** `ip:port` of the client; the IP address alone when `trustProxy` has found it and no port was told. */
  readonly remoteAddress: string;
  /** The subprotocol that was selected, or an empty string. */
  readonly subprotocol: string;
  /** What is kept of the upgrade request. */
  readonly request: ConnectionRequest;

  readonly #life: Lifecycle<Connection<Context>>;
  readonly #queue: SendQueue;

  /** Made by an Upgrader. @param events Runs the handler, if there is one. */
  constructor(setup: ConnectionSetup, transport: Transport, init: ConnectionInit<Context>, events?: ConnectionEvents<Inbound<Connection<Context>>>) {
    super();
    this.id = flat(init.idPrefix + randomUUID());
    this.context = init.context;
    this.remoteAddress = flat(init.remoteAddress);
    this.subprotocol = init.subprotocol;
    this.request = init.request;
    this.#life = new Lifecycle(setup, transport, init.deflate, this, events);
    this.#queue = this.#life.queue;
    // This comes last: the transport may tell something at once, and has to find everything made.
    this.#life.begin();
  }

  static {
    queueIn = (connection) => (#queue in connection ? connection.#queue : undefined);
  }

  /** For the end of a server. Settles when the hooks of a closed connection have; `undefined` when none of them is async. */
  static lastHookOf(connection: object): Promise<void> | undefined {
    return #life in connection ? connection.#life.inbound.lastHook : undefined;
  }

  /** For the run of its handler. */
  static inboundOf<Context>(connection: Connection<Context>): Inbound<Connection<Context>> {
    return connection.#life.inbound;
  }

  /**
   * For the end of a server or a hub: tells the hook `leaving`, and closes. Only closes what looks like a connection: a stand-in in
   * a test, or one of another copy of core.
   */
  static leave(connection: Pick<Connection, "close">, farewell: Farewell): void {
    if (#life in connection) connection.#life.leave(farewell);
    else
      guard(
        () => connection.close(farewell.code, farewell.reason),
        (error) => channels.error.publish({ error, connection: connection as Connection }),
      );
  }

  get isOpen(): boolean {
    return this.#life.isOpen;
  }

  get state(): "open" | "closing" | "closed" {
    return this.#life.state;
  }

  /** How it ended, once it has. */
  get closeInfo(): CloseInfo | undefined {
    return this.#life.closeInfo;
  }

  /** Bytes that wait to leave, in our queue and the socket's. */
  get bufferedBytes(): number {
    return this.#queue.bufferedBytes;
  }

  /**
   * Queues one message; everything queued in one turn of the event loop leaves in one write.
   * @returns whether the queue took it: `false` when the connection is not open or the client is too slow.
   * @throws TypeError for what is neither text nor bytes.
   */
  send(data: Sendable, options?: SendOptions<Connection<Context>>): boolean {
    return this.#queue.send(data, options);
  }

  /** Sends `JSON.stringify(value)` as text. @throws TypeError for a value that JSON cannot hold. @throws what its `toJSON` or a getter throws. */
  sendJson(value: unknown, options?: SendOptions<Connection<Context>>): boolean {
    const text = jsonText(value);
    if (text === undefined) throw new TypeError("sendJson: the value has no JSON form");
    return this.send(text, options);
  }

  /**
   * Starts one large message that leaves in fragments as it is written; other messages wait until it ends. One that brings nothing
   * for `messageTimeoutMs`, while the client takes data, ends the connection with `ERR_WRITER_ABORTED`.
   * @throws Error while another one is being written. @throws TypeError for another type.
   */
  createWriter(type: "text" | "binary"): Writable {
    if (type !== "text" && type !== "binary") throw new TypeError(`createWriter: ${shownValue(type)} is no type of a message; give "text" or "binary"`);
    return this.#queue.createWriter(type);
  }

  /** Sends a ping (RFC 6455 §5.5.2). @param data At most 125 bytes. @throws RangeError for more. @throws TypeError for what is neither text nor bytes. */
  ping(data: string | Uint8Array = ""): void {
    if (typeof data !== "string" && !types.isUint8Array(data))
      throw new TypeError(`ping: ${kindOf(data)} is neither text nor bytes; give a string or a Uint8Array`);
    // Its length first: nothing may be taken for more than may be sent.
    const bytes = typeof data === "string" ? data : givenBytes(data);
    if (Buffer.byteLength(bytes) > MAX_CONTROL_BYTES) throw new RangeError(`A ping carries at most ${MAX_CONTROL_BYTES} bytes`);
    this.#life.sendPing(Buffer.from(bytes as string));
  }

  /**
   * Starts the close handshake behind everything that was taken: also a Blob that is being read and a message that is being written
   * leave before the close frame, when they are complete within `closeTimeoutMs`. Then they are given up, with what is behind them.
   * @param code 1000 to 1003, 1007 to 1014, or 3000 to 4999. @param reason At most 123 bytes of UTF-8.
   * @throws RangeError for a code or reason that may not be sent.
   */
  close(code: number = CloseCode.normal, reason = ""): void {
    checkClose(code, reason);
    this.#life.close(code, reason);
  }

  /**
   * Ends the connection for a reason of your own, with a close frame behind everything that was taken, as `close` does: a Blob and a
   * writer have `closeTimeoutMs`. Only a closure of upwire's own that tells of a client which broke a rule, is slow or vanished waits
   * for neither. It is counted in
   * `stats.ended`, published on `upwire:closure`, logged and given to the handler's `error` as upwire's own closures are.
   * @throws TypeError for a closure without a code, or with what may not be sent.
   */
  fail(closure: Closure | ConnectionError): void {
    this.#life.fail(ConnectionError.from(closure) ?? new ConnectionError(closure));
  }

  /**
   * For layers: tells `onError` and the channel `upwire:error` of a fault in code that runs for this connection, which lives on.
   * Never throws.
   */
  report(error: unknown): void {
    this.#life.report(error);
  }

  /**
   * Ends the TCP connection at once, without a close frame; the client sees code 1006, and so does `closeInfo` unless a close frame
   * has left before. From here on nothing is sent, and what had not left is missed.
   */
  terminate(): void {
    this.#life.terminate();
  }

  /**
   * Reads nothing more from this client until `resume`: TCP holds it back, and no `message` hook runs. Sending goes on. Pings and
   * close frames of the client wait too, and its silence counts for no deadline; a client that vanishes meanwhile is found when
   * something is sent to it. Ends with the connection: one that is closing is read.
   */
  pause(): void {
    this.#life.inbound.pause();
  }

  /** Ends a `pause`. What has come already is delivered first, before this returns. */
  resume(): void {
    this.#life.inbound.resume();
  }

  /** Settles as soon as more may be written: the socket takes data again, or the connection is over. Never rejects. */
  drain(): Promise<void> {
    return this.state === "closed" ? Promise.resolve() : this.#queue.drain();
  }

  /** How the connection ended, when it has. Never rejects. */
  get closed(): Promise<CloseInfo> {
    return this.#life.over;
  }

  /**
   * Calls `listener` once when the connection is over, at once when it is already. It gets the connection, so one serves for all.
   * What it throws, or its promise is rejected with, is reported to `onError`; the others are called all the same.
   * @throws TypeError for what is no function.
   */
  onClose(listener: (info: CloseInfo, connection: Connection<Context>) => void): void {
    if (typeof listener !== "function") throw new TypeError(`onClose: ${kindOf(listener)} is no listener; give a function`);
    this.#life.onClose(listener as (info: CloseInfo, owner: object) => void);
  }

  /** Forgets a listener of `onClose`, so that one who comes and goes leaves nothing on a connection that stays. */
  offClose(listener: (info: CloseInfo, connection: Connection<Context>) => void): void {
    this.#life.offClose(listener as (info: CloseInfo, owner: object) => void);
  }

  /**
   * Pull style: the messages in order, until the connection ends; how it ended is in `closeInfo`. While no loop pulls,
   * the socket is paused and TCP holds the client back. Leaving the loop early closes with 1000.
   */
  [Symbol.asyncIterator](): AsyncGenerator<Message, void, undefined> {
    const messages = this.#messages();
    const leave = messages.return.bind(messages);
    // A generator that is left before its first step runs nothing of its body, not even `finally`. The loop was left all the same, so the
    // connection closes.
    messages.return = (value) => {
      this.close();
      return leave(value);
    };
    return messages;
  }

  async *#messages(): AsyncGenerator<Message, void, undefined> {
    this.#life.inbound.pull();
    try {
      for (;;) {
        const { done, value } = await this.#life.inbound.take();
        if (done === true) return;
        yield value;
      }
    } finally {
      this.close();
    }
  }
}
