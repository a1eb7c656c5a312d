import type { Writable } from "node:stream";
import { Backlog } from "./backlog.ts";
import type { Counters } from "./counters.ts";
import type { Engine } from "./engine.ts";
import { ConnectionError } from "./errors.ts";
import type { ResolvedLimits, SlowConsumerPolicy } from "./limits.ts";
import { MessageWriter } from "./message-writer.ts";
import type { PreparedMessage } from "./prepared-message.ts";
import { Hold } from "./hold.ts";
import { SendGate } from "./send-gate.ts";

/** What sending needs to know of the connection. */
export interface SendingConnection {
  readonly isOpen: boolean;
  readonly limits: Pick<ResolvedLimits, "maxQueueBytes" | "maxQueueMessages" | "slowConsumer">;
  readonly counters: Counters;
  fail(error: ConnectionError): void;
  /** Says whether reading has to stop for this reason. */
  hold(reason: Hold, isHeld: boolean): void;
  /** Messages may pass the sender by from now on, or may not any more. */
  steer(): void;
}

interface PromiseWithResolver {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
}

function withResolver(): PromiseWithResolver {
  let resolve = (): void => {};
  const promise = new Promise<void>((settle) => (resolve = settle));
  return { promise, resolve };
}

/** Whether the policy has no say as long as there is room. */
export function mayPassBy(policy: SlowConsumerPolicy): boolean {
  return policy === "close" || policy === "drop-newest";
}

/** What the socket is given at a time when later messages may drop or replace those behind. */
const PORTION_BYTES = 64 * 1024;

/**
 * The outgoing half of a connection: order, budget, slow-consumer policy. As long as none of them has anything to say, most
 * messages go to the engine's outbox and pass it by.
 */
export class Sender {
  readonly #engine: Engine;
  readonly #connection: SendingConnection;
  /** Only with a policy that takes messages back: what the engine has cannot be. */
  readonly #backlog: Backlog | undefined;
  #gate: SendGate | undefined;
  #writer: MessageWriter | undefined;
  /** One promise for all who wait. */
  #draining: PromiseWithResolver | undefined;

  constructor(engine: Engine, connection: SendingConnection) {
    const { slowConsumer } = connection.limits;
    const takesBack = slowConsumer === "drop-oldest" || slowConsumer === "keep-latest";
    this.#engine = engine;
    this.#connection = connection;
    this.#backlog = takesBack ? new Backlog() : undefined;
  }

  /** Whether messages have to wait here for one that is not complete. */
  get isBusy(): boolean {
    return this.#gate !== undefined;
  }

  get bufferedBytes(): number {
    return this.#engine.bufferedBytes + (this.#gate?.bytes ?? 0) + (this.#backlog?.bytes ?? 0);
  }

  /** The same with what the messages take beside their bytes. */
  get #cost(): number {
    return this.#engine.bufferedBytes + (this.#gate?.cost ?? 0) + (this.#backlog?.cost ?? 0);
  }

  /** @param key What the message is the latest state of, for `keep-latest`. */
  send(message: PreparedMessage | Blob, key?: string): boolean {
    if (!this.#connection.isOpen) return false;
    const isBlob = message instanceof Blob;
    if (key !== undefined && !isBlob && this.#replace(message, key)) return true;
    if (!this.#hasRoomFor(isBlob ? message.size : this.#backlog === undefined ? message.frameBytes : Backlog.costOf(message, key))) return false;
    if (this.#gate !== undefined) {
      this.#gate.hold(message);
    } else if (isBlob) {
      const gate = new SendGate();
      this.#setGate(gate);
      gate.hold(message);
      this.#open(gate);
    } else {
      this.#pass(message, key);
    }
    if (this.#connection.limits.slowConsumer === "pause" && this.#isHalfFull()) this.#connection.hold(Hold.queue, true);
    return true;
  }

  createWriter(isBinary: boolean): Writable {
    if (this.#gate !== undefined) throw new Error("Another message of this connection is not complete yet");
    this.settle();
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
    this.#setGate(gate);
    this.#writer = writer;
    if (!this.#connection.isOpen) writer.destroy();
    return writer;
  }

  drain(): Promise<void> {
    this.#advance();
    if (this.#engine.blockedSince === 0) return Promise.resolve();
    this.#draining ??= withResolver();
    return this.#draining.promise;
  }

  /** The socket takes data again. @returns whether nothing waits any more. */
  wake(): boolean {
    this.#advance();
    if (this.#engine.blockedSince !== 0) return false;
    if (this.#connection.limits.slowConsumer === "pause") this.#connection.hold(Hold.queue, false);
    this.#settleDraining();
    return true;
  }

  /** From here on nothing of what waits can be dropped or replaced: something that must come behind it follows. */
  settle(): void {
    for (let message = this.#backlog?.shift(); message !== undefined; message = this.#backlog?.shift()) this.#engine.send(message);
  }

  /** Forgets what waits and has not been given to the socket. */
  discard(): void {
    this.#backlog?.clear();
    this.#engine.discard();
  }

  /** Nothing can be sent any more. */
  end(): void {
    this.#backlog?.clear();
    // Without an error: a client that leaves must not end the process of somebody who forgot an `error` listener.
    this.#writer?.destroy();
    this.#settleDraining();
  }

  #settleDraining(): void {
    const draining = this.#draining;
    this.#draining = undefined;
    draining?.resolve();
  }

  #pass(message: PreparedMessage, key?: string): void {
    const backlog = this.#backlog;
    if (backlog === undefined) return this.#engine.send(message);
    if (backlog.size > 0 || this.#engine.blockedSince !== 0) return backlog.push(message, key);
    this.#engine.send(message);
    this.#flushPortion();
  }

  #flushPortion(): void {
    if (this.#engine.bufferedBytes >= PORTION_BYTES) this.#engine.flush();
  }

  /** Gives the engine what it can pass on soon; the rest stays where it can be taken back. */
  #feed(backlog: Backlog): void {
    while (backlog.size > 0 && this.#engine.blockedSince === 0) {
      const message = backlog.shift();
      if (message !== undefined) this.#engine.send(message);
      this.#flushPortion();
    }
  }

  /** Tries everything that waits on the socket. */
  #advance(): void {
    if (this.#backlog !== undefined) this.#feed(this.#backlog);
    this.#engine.flush();
  }

  #replace(message: PreparedMessage, key: string): boolean {
    const backlog = this.#connection.limits.slowConsumer === "keep-latest" ? this.#backlog : undefined;
    const freed = backlog?.bytesOf(key) ?? 0;
    if (freed === 0 || this.#cost - freed + message.frameBytes > this.#connection.limits.maxQueueBytes) return false;
    this.#connection.counters.replaced++;
    return backlog?.replace(key, message) ?? false;
  }

  #hasRoomFor(bytes: number): boolean {
    if (this.#fits(bytes)) return true;
    // What was queued in this turn has not been tried on the socket yet: a fast client must not pay for a busy turn.
    this.#advance();
    const { slowConsumer } = this.#connection.limits;
    while (!this.#fits(bytes)) {
      if (slowConsumer === "drop-oldest" && this.#backlog?.shift() !== undefined) {
        this.#connection.counters.dropped++;
        continue;
      }
      if (slowConsumer === "close" || slowConsumer === "keep-latest") this.#connection.fail(new ConnectionError("ERR_SLOW_CONSUMER"));
      else this.#connection.counters.dropped++;
      return false;
    }
    return true;
  }

  #fits(bytes: number): boolean {
    const waiting = this.#cost;
    if (waiting === 0) return true;
    const messages = this.#engine.queuedMessages + (this.#gate?.size ?? 0) + (this.#backlog?.size ?? 0);
    return waiting + bytes <= this.#connection.limits.maxQueueBytes && messages < this.#connection.limits.maxQueueMessages;
  }

  #isHalfFull(): boolean {
    const isHalfFull = (): boolean => this.bufferedBytes * 2 > this.#connection.limits.maxQueueBytes;
    if (!isHalfFull()) return false;
    // Perhaps nobody has offered it to the socket yet.
    this.#engine.flush();
    return this.#engine.blockedSince !== 0 && isHalfFull();
  }

  #setGate(gate: SendGate | undefined): void {
    this.#gate = gate;
    this.#connection.steer();
  }

  #open(gate: SendGate): void {
    const send = (message: PreparedMessage): void => {
      if (this.#connection.isOpen) this.#pass(message);
    };
    const opened = (): void => this.#setGate(undefined);
    gate.release(send, opened).catch(() => this.#connection.fail(new ConnectionError("ERR_WRITER_ABORTED")));
  }
}
