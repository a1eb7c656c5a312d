import type { Socket } from "node:net";
import { BatchReader, MalformedFrame } from "./batch-reader.ts";
import { BatchWriter, FRAME_HEAD } from "./batch-writer.ts";
import type { FrameSplitter } from "./frame-splitter.ts";
import { frames, messages } from "./frames.ts";
import { ackFrame, beginFrame, readAck, readBegin } from "./hello.ts";
import { SentBatches } from "./sent-batches.ts";
import { endWires, type Confirmation, type LinkEvents, type Wires } from "./wires.ts";

/** A batch of this size is a frame of its own. Bytes. */
const MAX_BATCH = 64 * 1024;
/** What has come is acknowledged at the latest after so many bytes. */
const ACK_BYTES = 256 * 1024;
/** No node sends a longer frame. Bytes. */
const MAX_FRAME_BYTES = 128 * 1024 * 1024;

/**
 * The way to one peer and back, over the connections that come and go. Batches are numbered; the batches that the peer has not acknowledged are
 * kept and sent again over the next connection, so that a cut loses nothing. When too much waits, everything is dropped at once: the
 * next connection begins with a `refill`, and `lostAfter` says which topics have lost something.
 */
export class Link {
  readonly #events: LinkEvents;
  readonly #maxQueueBytes: number;
  readonly #writer = new BatchWriter(frames.batch);
  #wires: Wires | undefined;
  readonly #sent = new SentBatches();
  #received = 0;
  #receivedBytes = 0;
  #hasMet = false;
  /** `dropped`: nothing is kept for the peer until the next connection. `refilling`: it is being told anew all that it must know. */
  #state: "dropped" | "refilling" | "open" = "dropped";
  /** The peer tells anew what must be known, with its next batch. */
  #isRestarting = false;
  #isAckDue = false;
  #isDue = false;
  /** Turns of the liveness check since the last that came. */
  missed = 0;

  constructor(events: LinkEvents, { maxQueueBytes }: { readonly maxQueueBytes: number }) {
    this.#events = events;
    this.#maxQueueBytes = maxQueueBytes;
  }

  get isAttached(): boolean {
    return this.#wires !== undefined;
  }

  /** What is written now reaches the peer unless it dies: over this connection or the next one. */
  get isOpen(): boolean {
    return this.#state !== "dropped";
  }

  /** It was attached before. */
  get hasMet(): boolean {
    return this.#hasMet;
  }

  /** The number of the last batch that has come. */
  get received(): number {
    return this.#received;
  }

  /** The number of the last batch that the peer has. */
  get acknowledged(): number {
    return this.#sent.acknowledged;
  }

  get queuedBytes(): number {
    return this.#sent.bytes + this.#writer.length;
  }

  /** The writer for one message, if the link is open; `wrote` must follow. */
  writer(): BatchWriter | undefined {
    return this.isOpen ? this.#writer : undefined;
  }

  /** @returns the number of the batch with that message; `undefined` when it was too much. */
  wrote(): number | undefined {
    if (!this.#isDue) {
      this.#isDue = true;
      this.#events.due();
    }
    const number = this.#sent.number + 1;
    // A refill is one batch: what it tells anew does not come in pieces.
    if (this.#writer.length >= MAX_BATCH && this.#state !== "refilling") this.#seal();
    return this.isOpen ? number : undefined;
  }

  /** Writes a message without fields. */
  signal(kind: number): void {
    if (!this.isOpen) return;
    this.#writer.begin(kind).end();
    this.wrote();
  }

  /** Of a topic something is lost while the link is not open. */
  lose(topic: number): void {
    this.#sent.lose(topic);
  }

  forgetTopic(topic: number): void {
    this.#sent.forgetTopic(topic);
  }

  /** The topics whose last publication was in a later batch than `received`, of what was dropped. */
  lostAfter(received: number): number[] {
    return this.#sent.lostAfter(received);
  }

  /** Calls `done` once the peer has all that was written before, or that is dropped. */
  confirm(done: (outcome: Confirmation) => void): void {
    this.signal(messages.ask);
    if (!this.isOpen) return done({ isReached: false });
    this.#sent.confirm(this.#writer.length > 0 ? this.#sent.number + 1 : this.#sent.number, done);
  }

  /**
   * Goes on over new connections.
   * @param received What the peer says that it has had; `null`: it knows nothing.
   */
  attach(wires: Wires, received: number | null): void {
    const { input, splitter, output } = wires;
    this.#wires = wires;
    this.#hasMet = true;
    this.missed = 0;
    splitter.maxBytes = MAX_FRAME_BYTES;
    splitter.take = (kind, frame) => this.#frame(kind, frame);
    input.on("data", (chunk: Buffer) => this.#read(splitter, chunk));
    input.once("close", () => this.#detach(wires));
    input.resume();
    if (received === null || received < this.#sent.acknowledged || received > this.#sent.number) this.drop();
    else this.#sent.acknowledge(received);
    if (this.#state === "dropped") this.#refill(output, received ?? 0);
    else this.#goOn(output);
  }

  /** The peer is told anew all that it must know: one batch, the first that counts. */
  #refill(output: Socket, received: number): void {
    output.write(beginFrame({ restart: true, next: this.#sent.number + 1 }));
    this.#state = "refilling";
    this.#events.refill(received);
    this.#sent.forgetLosses();
    this.flush();
    // What is written may be too much for good, and dropped again.
    if (this.isOpen) this.#state = "open";
  }

  /** The peer gets again what it has not acknowledged. */
  #goOn(output: Socket): void {
    output.write(beginFrame({ restart: false, next: this.#sent.acknowledged + 1 }));
    for (const frame of this.#sent.frames) output.write(frame);
  }

  /** Tells the peer that this node lives, and what has come. */
  beat(): void {
    this.#isAckDue = true;
    this.flush();
  }

  flush(): void {
    this.#isDue = false;
    if (this.#writer.length === 0 && !this.#isAckDue) return;
    const output = this.#wires?.output;
    output?.cork();
    if (this.#isAckDue) this.#acknowledge();
    if (this.#writer.length > 0) this.#seal();
    output?.uncork();
  }

  /** Forgets everything that waits. */
  drop(): void {
    if (!this.isOpen) return;
    if (this.#writer.length > 0) this.#sent.add(this.#writer.take());
    this.#state = "dropped";
    this.#sent.drop();
    this.#writer.reset();
    this.#sent.giveUp();
  }

  /** Ends the connections: `detached` follows. */
  cut(): void {
    if (this.#wires !== undefined) endWires(this.#wires);
  }

  /** Ends the connections once the kernel has everything that was written. */
  end(): Promise<void> {
    this.flush();
    const wires = this.#wires;
    if (wires === undefined) return Promise.resolve();
    return new Promise((resolve) => {
      wires.input.once("close", () => resolve());
      wires.output.once("close", () => endWires(wires));
      wires.output.end(() => endWires(wires));
    });
  }

  /** Ends the batch that is being written, and sends it. */
  #seal(): void {
    const frame = this.#writer.take();
    this.#sent.add(frame);
    if (this.#sent.bytes > this.#maxQueueBytes && this.#state !== "refilling") {
      this.drop();
      this.#events.overfull();
      return;
    }
    this.#wires?.output.write(frame);
  }

  #acknowledge(): void {
    this.#isAckDue = false;
    this.#receivedBytes = 0;
    this.#wires?.output.write(ackFrame(this.#received));
  }

  #read(splitter: FrameSplitter, chunk: Buffer): void {
    this.missed = 0;
    try {
      splitter.feed(chunk);
    } catch (error) {
      if (!(error instanceof MalformedFrame)) throw error;
      this.#events.foreign(error);
      this.cut();
    }
    if (this.#isAckDue || this.#receivedBytes < ACK_BYTES) return;
    this.askToAck();
  }

  #frame(kind: number, frame: Buffer): void {
    if (kind === frames.batch) {
      // First, so that a batch with a fault does not come again and again.
      this.#received++;
      this.#receivedBytes += frame.length;
      if (this.#isRestarting) this.#events.restarted();
      this.#isRestarting = false;
      this.#events.batch(new BatchReader(frame, FRAME_HEAD));
    } else if (kind === frames.ack) {
      const number = readAck(frame);
      if (number === undefined || number > this.#sent.number) throw new MalformedFrame("an ack is not one of what was sent");
      this.#sent.acknowledge(number);
    } else if (kind === frames.begin) this.#begin(frame);
  }

  #begin(frame: Buffer): void {
    const begin = readBegin(frame);
    if (begin === undefined) throw new MalformedFrame("a link begins with something else");
    // What the peer tells anew comes with its first batch: until then the old holds.
    this.#isRestarting ||= begin.restart;
    if (begin.restart) this.#received = begin.next - 1;
    else if (begin.next !== this.#received + 1) throw new MalformedFrame(`a link goes on with batch ${begin.next}, where ${this.#received + 1} is next`);
  }

  /** What has come is acknowledged with the next flush. */
  askToAck(): void {
    this.#isAckDue = true;
    if (this.#isDue) return;
    this.#isDue = true;
    this.#events.due();
  }

  #detach(wires: Wires): void {
    endWires(wires);
    if (this.#wires !== wires) return;
    this.#wires = undefined;
    this.#events.detached();
  }
}
