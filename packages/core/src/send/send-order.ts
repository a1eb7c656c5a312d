import type { Writable } from "node:stream";
import type { Taken } from "./backlog.ts";
import type { Cohort } from "./cohort.ts";
import { ConnectionError } from "../base/errors.ts";
import { encodeFrame, Opcode } from "../wire/frame.ts";
import { Hold } from "./pause-reason.ts";
import type { FragmentPosition } from "./message-writer.ts";
import type { Missed, MissingConnection } from "./missed.ts";
import { OutgoingFrames } from "./outgoing-frames.ts";
import { WaitingRoom, type RoomExit } from "./waiting-room.ts";

const EMPTY_PING = encodeFrame(Opcode.ping, Buffer.alloc(0));

/** What sending needs of the connection. */
export interface SendingConnection extends MissingConnection {
  /** Ends it with the close code of `error`. */
  fail(error: ConnectionError): void;
  /** Stops reading for this reason. */
  hold(reason: Hold): void;
  /** Goes on reading, unless another reason holds. */
  release(reason: Hold): void;
  /** The socket takes data again, and nothing waits. */
  drain(): void;
  /** The close frame, which had to wait, is on its way: from now on the answer to it is waited for. */
  closeFrameLeft(): void;
}

/**
 * What happens to a message: "direct", it is taken if the limits of the queue allow it; "considered", policy and waiting messages
 * count too; "closing", it is refused, and messages that were taken leave in front of the close frame; "shut", the close frame is on
 * its way, and nothing may follow it.
 */
type Way = "direct" | "considered" | "closing" | "shut";

/**
 * The order in which the messages of one connection leave: some go on their way at once, some wait for an incomplete message in front
 * of them or for the socket, and the close frame comes last. `send-queue.ts` decides whether a message is taken at all.
 */
export abstract class SendOrder extends OutgoingFrames implements RoomExit {
  #connection: SendingConnection | undefined;
  #way: Way = "considered";
  #room: WaitingRoom | undefined;

  /** Sets the connection. Once, before anything is sent. */
  connect(connection: SendingConnection): void {
    this.#connection = connection;
    this.#lookAgain();
  }

  /** Bytes that wait here and in the socket. */
  get bufferedBytes(): number {
    return this.#room === undefined ? this.bytesOnWay : this.bytesOnWay + this.#room.waiting.bytes;
  }

  /** Since when a Blob or a writer that others wait for has brought nothing, or 0; also 0 while the socket takes nothing. Milliseconds. */
  get stalledSince(): number {
    const room = this.#room;
    return room === undefined || this.blockedSince !== 0 ? 0 : room.stalledSince;
  }

  /** Whether a close frame waits behind a message that is not complete. */
  get holdsCloseFrame(): boolean {
    return this.#room?.holdsCloseFrame === true;
  }

  override joinOneOf(cohorts: Cohort[], audience: number): void {
    if (this.#way === "direct") super.joinOneOf(cohorts, audience);
  }

  /** @throws Error while another message is not complete. */
  createWriter(type: "text" | "binary"): Writable {
    if (this.#room?.hasGate === true) throw new Error("Another message of this connection is not complete yet");
    this.#settle();
    const writer = this.roomNow().createWriter(type);
    return this.isTaking ? writer : writer.destroy();
  }

  /** Settles when the socket takes data, or the connection is over. */
  drain(): Promise<void> {
    this.#room?.advance();
    this.flushNow();
    return this.blockedSince === 0 ? Promise.resolve() : this.roomNow().draining;
  }

  override drained(): void {
    if (!this.unblock()) return;
    this.#room?.resumed();
    this.#room?.advance();
    if (this.blockedSince !== 0) return;
    if (this.setup.slowConsumer.pauses) this.#connection?.release(Hold.queue);
    this.#room?.settleDraining();
    this.#connection?.drain();
  }

  /** Sends a ping, unless the queue is full: the answer to it would only tell that the client is behind. */
  ping(data: Buffer): void {
    // The heartbeat's pings are all the same: one frame for all connections.
    const frame = data.byteLength === 0 ? EMPTY_PING : encodeFrame(Opcode.ping, data);
    if (this.#isFullFor(frame) && this.blockedSince === 0) this.flushNow();
    if (this.#way !== "shut" && !this.#isFullFor(frame)) this.addFrame(frame, "reply", undefined);
  }

  /** Answers a ping. @returns whether the pong replaces one that had not left. */
  pong(data: Buffer): boolean {
    return this.#way !== "shut" && this.addPong(encodeFrame(Opcode.pong, data));
  }

  #isFullFor(frame: Buffer): boolean {
    const { bufferedBytes } = this;
    const { maxQueueBytes, maxQueueMessages } = this.setup.limits;
    return bufferedBytes > 0 && (bufferedBytes + frame.byteLength > maxQueueBytes || this.unwrittenFrames >= maxQueueMessages);
  }

  /** From now on messages are refused. */
  stopTaking(): void {
    this.part();
    if (this.#way !== "shut") this.#way = "closing";
  }

  /** Sends a close frame behind everything that was taken, also behind what is not complete yet. */
  close(frame: Buffer): void {
    if (this.#way === "shut") return;
    this.stopTaking();
    if (this.#room === undefined) this.#shut(frame);
    else this.#room.closeBehind(frame);
  }

  /** Gives up a message that is not complete, and all messages after it. A close frame behind them still leaves. */
  giveUp(): void {
    this.#settle();
    const lost: Missed[] = [];
    this.#room?.giveUp(lost);
    this.tellLater(lost);
  }

  /** Throws away what the socket has not been given. */
  discard(): void {
    const lost: Missed[] = [];
    this.clearInto(lost);
    this.#room?.giveUp(lost);
    this.tellLater(lost);
  }

  /** Ends the stream behind everything that is complete. */
  end(): void {
    this.giveUp();
    this.stopTaking();
    this.endStream();
  }

  /** Nothing can be sent any more. */
  release(): void {
    this.#way = "shut";
    const room = this.#room;
    this.#room = undefined;
    const lost: Missed[] = [];
    this.clearInto(lost);
    room?.giveUp(lost);
    room?.settleDraining();
    this.tellLater(lost);
  }

  // For the waiting room.

  mayGo(bytes: number): boolean {
    if (!this.setup.slowConsumer.takesBack || !this.isTaking) return true;
    if (this.blockedSince !== 0) return false;
    const waiting = this.unwrittenCost;
    if (waiting === 0 || waiting + bytes <= this.setup.portionBytes) return true;
    this.flushNow();
    return this.blockedSince === 0;
  }

  go({ message, missed }: Taken): void {
    this.addFrame(message.frame(this.deflate), "reply", missed);
  }

  sendFragment(data: Uint8Array, { type, isFirst, isLast }: FragmentPosition): void {
    if (this.#way === "shut") return;
    const { counters } = this.setup;
    counters.bytesOut += data.byteLength;
    if (isLast) counters.messagesOut++;
    const opcode = type === "binary" ? Opcode.binary : Opcode.text;
    this.addFrame(encodeFrame(isFirst ? opcode : Opcode.continuation, data, { fin: isLast }), "reply", undefined);
  }

  sendLast(closeFrame: Buffer): void {
    if (this.#way === "shut") return;
    this.#shut(closeFrame);
    this.#connection?.closeFrameLeft();
  }

  report(error: unknown): void {
    this.#connection?.report(error);
  }

  broken(cause?: unknown): void {
    this.#connection?.fail(new ConnectionError("ERR_WRITER_ABORTED", cause === undefined ? {} : { cause }));
    // It may have been closing already: then only the close frame is left to send.
    this.giveUp();
  }

  emptied(): void {
    this.#room = undefined;
    this.#lookAgain();
  }

  now(): number {
    return this.setup.now();
  }

  /** Whether only the limits of the queue decide about a message. */
  protected get isDirect(): boolean {
    return this.#way === "direct";
  }

  /** Whether messages are taken at all. */
  protected get isTaking(): boolean {
    return this.#way === "direct" || this.#way === "considered";
  }

  protected get connection(): SendingConnection | undefined {
    return this.#connection;
  }

  protected get room(): WaitingRoom | undefined {
    return this.#room;
  }

  protected roomNow(): WaitingRoom {
    if (this.#room !== undefined) return this.#room;
    this.part();
    this.#room = new WaitingRoom(this);
    this.#lookAgain();
    return this.#room;
  }

  /** Calls these functions of the application in a later turn: their messages were thrown away. */
  protected tellLater(lost: readonly Missed[]): void {
    const connection = this.#connection;
    if (connection !== undefined) for (const missed of lost) this.setup.missedCalls.tellLater(connection, missed);
  }

  #shut(closeFrame: Buffer): void {
    this.#way = "shut";
    this.addFrame(closeFrame, "reply", undefined);
  }

  #lookAgain(): void {
    if (this.isTaking) this.#way = this.#room === undefined && this.setup.slowConsumer.isPlain ? "direct" : "considered";
  }

  /** Sends all complete messages on their way, so that no policy can take them back: something follows that must come after them. */
  #settle(): void {
    for (let taken = this.#room?.takeNext(); taken !== undefined; taken = this.#room?.takeNext()) this.go(taken);
  }
}
