import type { Writable } from "node:stream";
import type { Engine } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import { MessageWriter } from "./message-writer.ts";
import type { SlowConsumerPolicy } from "./options.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import { SendGate } from "./send-gate.ts";

/** What sending needs to know of the connection. */
export interface SendingConnection {
  readonly isOpen: boolean;
  fail(error: ConnectionError): void;
}

export interface QueueLimits {
  readonly maxQueueBytes: number;
  readonly slowConsumer: SlowConsumerPolicy;
}

/** The outgoing half of a connection: order, budget, slow-consumer policy. */
export class Sender {
  readonly #engine: Engine;
  readonly #limits: QueueLimits;
  readonly #connection: SendingConnection;
  #gate: SendGate | undefined;
  #writer: MessageWriter | undefined;
  #drainWaiters: (() => void)[] = [];

  constructor(engine: Engine, limits: QueueLimits, connection: SendingConnection) {
    this.#engine = engine;
    this.#limits = limits;
    this.#connection = connection;
  }

  get bufferedBytes(): number {
    return this.#engine.bufferedBytes + (this.#gate?.bytes ?? 0);
  }

  send(message: PreparedMessage | Blob): boolean {
    if (!this.#connection.isOpen) return false;
    const isBlob = message instanceof Blob;
    if (!this.#hasRoomFor(isBlob ? message.size : message.frameBytes)) return false;
    if (this.#gate !== undefined) {
      this.#gate.hold(message);
    } else if (isBlob) {
      this.#gate = new SendGate();
      this.#gate.hold(message);
      this.#open(this.#gate);
    } else {
      this.#engine.send(message);
    }
    return true;
  }

  createWriter(isBinary: boolean): Writable {
    if (this.#gate !== undefined) throw new Error("Another message of this connection is not complete yet");
    const gate = new SendGate();
    const writer = new MessageWriter(
      {
        fragment: (data, position) => {
          if (this.#connection.isOpen) this.#engine.sendFragment(data, position);
        },
        drain: () => this.drain(),
        finished: (aborted) => {
          this.#writer = undefined;
          if (aborted) this.#connection.fail(new ConnectionError("ERR_WRITER_ABORTED"));
          else this.#open(gate);
        },
      },
      isBinary,
    );
    this.#gate = gate;
    this.#writer = writer;
    if (!this.#connection.isOpen) writer.destroy();
    return writer;
  }

  drain(): Promise<void> {
    this.#engine.flush();
    if (this.#engine.blockedSince === 0) return Promise.resolve();
    return new Promise((resolve) => this.#drainWaiters.push(resolve));
  }

  /** The socket takes data again. */
  wake(): void {
    for (const resolve of this.#drainWaiters.splice(0)) resolve();
  }

  /** Nothing can be sent any more. */
  end(): void {
    // Without an error: a client that leaves must not end the process of somebody who forgot an `error` listener.
    this.#writer?.destroy();
    this.wake();
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.#fits(bytes)) return true;
    // What was queued in this turn has not been tried on the socket yet: a fast client must not pay for a busy turn.
    this.#engine.flush();
    if (this.#fits(bytes)) return true;
    if (this.#limits.slowConsumer === "close") this.#connection.fail(new ConnectionError("ERR_SLOW_CONSUMER"));
    return false;
  }

  #fits(bytes: number): boolean {
    const waiting = this.bufferedBytes;
    return waiting === 0 || waiting + bytes <= this.#limits.maxQueueBytes;
  }

  #open(gate: SendGate): void {
    const send = (message: PreparedMessage): void => {
      if (this.#connection.isOpen) this.#engine.send(message);
    };
    const opened = (): void => {
      this.#gate = undefined;
    };
    gate.release(send, opened).catch(() => this.#connection.fail(new ConnectionError("ERR_WRITER_ABORTED")));
  }
}
