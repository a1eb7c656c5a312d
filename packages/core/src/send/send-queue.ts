import { Backlog } from "./backlog.ts";
import { peerError } from "../base/errors.ts";
import { frameLength, payloadLength } from "../wire/frame.ts";
import { byteLengthOf, sizeOf } from "../wire/given-bytes.ts";
import { Hold } from "./pause-reason.ts";
import { Message } from "../wire/message.ts";
import { MISSED_BYTES, type Missed } from "./missed.ts";
import type { Urgency } from "./outgoing-frames.ts";
import { PreparedMessage } from "../wire/prepared-message.ts";
import { SendOrder } from "./send-order.ts";
import { prepare, readSendOptions, type Sendable, type SendOptions } from "./sendable.ts";
import type { Broadcast } from "./shared-history.ts";
import type { Offered, SlowQueue } from "./slow-consumer.ts";

/**
 * The messages for one connection: the one way out. A message that is offered is put on its way, with the frames that the socket
 * gets next (`OutgoingFrames`); or into the backlog, from where it can be taken back; or refused, when there is no room
 * (`slow-consumer.ts`). Messages wait in the backlog while one in front of them is not complete, and, with a policy that takes
 * messages back, while the socket is full.
 */
export class SendQueue extends SendOrder implements SlowQueue {
  /** Offers a message, and does what follows when it is not taken. @returns whether it was. @throws TypeError for what cannot be sent, or options that cannot be meant. */
  send(data: Sendable, given?: SendOptions): boolean {
    const options = given === undefined ? undefined : readSendOptions(given);
    const offered = this.offer(data, options);
    if (offered === "taken") return true;
    this.notTaken(offered, options?.missed);
    return false;
  }

  /**
   * Takes one message, or not. It runs no code of the application and ends no connection: the caller calls `notTaken` for each queue
   * that did not take it, after the whole loop.
   * @throws TypeError for what cannot be sent.
   */
  offer(data: Sendable, options?: SendOptions): Offered {
    if (this.isDirect && options?.missed === undefined && this.#takeDirectly(data)) return "taken";
    return this.#consider(data, options, "reply");
  }

  /** The same for a message to an audience. */
  offerToMany(broadcast: Broadcast, options?: SendOptions): Offered {
    if (this.isDirect) {
      this.part();
      const missed = options?.missed;
      if (this.hasRoomOnWay(broadcast.mostBytes + (missed === undefined ? 0 : MISSED_BYTES))) {
        this.addShared(broadcast.frameFor(this), missed);
        this.#count(payloadLength(broadcast.message.frameBytes));
        return "taken";
      }
    }
    return this.#consider(broadcast.message, options, "broadcast");
  }

  /** What follows when a message was not taken: a client that is too slow is ended, and the sender is told. */
  notTaken(offered: Offered, missed: Missed | undefined): void {
    const { connection } = this;
    if (offered === "taken" || connection === undefined) return;
    if (offered === "slow") connection.fail(peerError("ERR_SLOW_CONSUMER"));
    if (missed !== undefined) this.setup.missedCalls.tell(connection, missed);
  }

  // For the policy.

  dropOldest(): boolean {
    const dropped = this.room?.dropOldest();
    if (dropped === undefined) return false;
    if (dropped.missed !== undefined) this.tellLater([dropped.missed]);
    return true;
  }

  isHalfFull(): boolean {
    const isHalfFull = (): boolean => this.bufferedBytes * 2 > this.setup.limits.maxQueueBytes;
    if (!isHalfFull()) return false;
    // Perhaps the socket has room and has not been given these messages yet.
    this.flushNow();
    return this.blockedSince !== 0 && isHalfFull();
  }

  pauseReading(): void {
    this.connection?.hold(Hold.queue);
  }

  /** The quick way, when only the limits of the queue decide. @returns false when `#consider` has to decide. */
  #takeDirectly(data: unknown): boolean {
    this.part();
    if (typeof data === "string") {
      const payloadBytes = Buffer.byteLength(data);
      if (this.#isCompressed(payloadBytes)) return this.#takeFrame(prepare(data));
      if (!this.hasRoomOnWay(frameLength(payloadBytes))) return false;
      this.addOwn().addText(data, payloadBytes);
      return this.#count(payloadBytes);
    }
    if (data instanceof Message) {
      const { byteLength } = data;
      if (this.#isCompressed(byteLength)) return this.#takeFrame(prepare(data));
      if (!this.hasRoomOnWay(frameLength(byteLength))) return false;
      this.addOwn().addMessage(data);
      return this.#count(byteLength);
    }
    if (data instanceof PreparedMessage) return this.#takeFrame(data);
    if (!(data instanceof Uint8Array) || !ArrayBuffer.isView(data)) return false;
    const byteLength = byteLengthOf(data);
    // Nothing tells here one that is empty from one that was transferred.
    if (byteLength === 0) return false;
    if (this.#isCompressed(byteLength)) return this.#takeFrame(prepare(data));
    if (!this.hasRoomOnWay(frameLength(byteLength))) return false;
    this.addOwn().addBytes(data);
    return this.#count(byteLength);
  }

  /** Whether a message of so many bytes is compressed for this connection alone. */
  #isCompressed(payloadBytes: number): boolean {
    const { deflate } = this;
    return deflate !== undefined && !deflate.sharesHistory && payloadBytes >= deflate.thresholdBytes;
  }

  #takeFrame(message: PreparedMessage): boolean {
    if (!this.hasRoomOnWay(message.frameBytes)) return false;
    this.addFrame(message.frame(this.deflate), "reply", undefined);
    return this.#count(payloadLength(message.frameBytes));
  }

  /** Counts a message that is taken. */
  #count(payloadBytes: number): true {
    const { counters } = this.setup;
    counters.messagesOut++;
    counters.bytesOut += payloadBytes;
    return true;
  }

  /** Takes a message, or not, by limits, policy and waiting messages. */
  #consider(data: Sendable, options: SendOptions | undefined, urgency: Urgency): Offered {
    const message = data instanceof Blob ? data : prepare(data);
    if (!this.isTaking) return "refused";
    this.part();
    const { slowConsumer } = this.setup;
    const given = options?.key === undefined || slowConsumer.replaces ? options : { ...options, key: undefined };
    const payloadBytes = message instanceof Blob ? sizeOf(message) : payloadLength(message.frameBytes);
    if (this.#replace(message, given)) {
      this.#count(payloadBytes);
      return "taken";
    }
    const cost = Backlog.costOf(message, given);
    if (!this.#fits(cost) && !this.#makeRoomFor(cost)) return given?.mustArrive === true ? "slow" : slowConsumer.noRoom();
    const waits = message instanceof Blob || (this.room !== undefined && (this.room.hasGate || this.room.waiting.size > 0));
    if (waits || !this.mayGo(message.frameBytes)) this.roomNow().add(message, given);
    else this.addFrame(message.frame(this.deflate), urgency, given?.missed);
    this.#count(payloadBytes);
    this.room?.advance();
    slowConsumer.taken(this);
    return "taken";
  }

  /** What the frames that cannot be taken back count for. Bytes. */
  get #costOnWay(): number {
    return this.unwrittenCost + this.socket.writableLength;
  }

  #fits(cost: number): boolean {
    const waiting = this.room?.waiting;
    const before = this.#costOnWay + (waiting?.cost ?? 0);
    if (before === 0) return true;
    const { maxQueueBytes, maxQueueMessages } = this.setup.limits;
    return before + cost <= maxQueueBytes && this.unwrittenFrames + (waiting?.size ?? 0) < maxQueueMessages;
  }

  #makeRoomFor(cost: number): boolean {
    // Messages of this turn have not been given to the socket yet: a client that reads fast must not suffer from a busy turn.
    this.room?.advance();
    this.flushNow();
    while (!this.#fits(cost)) {
      // Even without all waiting messages there would be no room.
      const onWay = this.#costOnWay;
      if (onWay > 0 && onWay + cost > this.setup.limits.maxQueueBytes) return false;
      if (!this.setup.slowConsumer.makeRoom(this)) return false;
    }
    return true;
  }

  #replace(message: PreparedMessage | Blob, options: SendOptions | undefined): boolean {
    const waiting = this.room?.waiting;
    if (options?.key === undefined || waiting === undefined || message instanceof Blob) return false;
    const entry = waiting.latest(options.key);
    if (entry === undefined) return false;
    const cost = this.#costOnWay + waiting.cost - Backlog.freedBy(entry) + Backlog.costOf(message, options);
    if (cost > this.setup.limits.maxQueueBytes) return false;
    this.setup.counters.replaced++;
    const missed = waiting.replace(entry, message, options);
    if (missed !== undefined) this.tellLater([missed]);
    return true;
  }
}
