import { Client, type ClientHost } from "./client.ts";
import { maskedFrame } from "./masked-frame.ts";
import type { Memory, ResumeDialect } from "./resume-dialect.ts";
import { sequenceAt, STAMP_BYTES, writeStamp } from "./stamp.ts";
import { filler } from "./payload.ts";

const READ_BUFFER_BYTES = 256 * 1024;
/** What every publication has in front of its text. */
const BEFORE_TEXT = Buffer.from('"text":"');
/** So long without a message, and what is missing counts as lost. */
const SILENCE_MS = 30_000;

/** The text of the message with this number. */
export function numberedText(number: number, bytes: number): string {
  const text = Buffer.from("0".repeat(STAMP_BYTES) + filler(bytes - STAMP_BYTES));
  writeStamp(text, 0, 0, number);
  return text.toString();
}

/** What a client waits for: the answer to `join`, and messages with the numbers from `next` to `last`. */
interface Wait {
  next: number;
  readonly last: number;
  isAnswered: boolean;
  readonly done: (failure?: string) => void;
}

/** Clients that visit a topic, leave and come back. */
export class ReturningCrowd implements ClientHost {
  readonly port: number;
  readonly deflate = false;
  readonly messageBytes: number;
  readonly readBuffer: Buffer = Buffer.allocUnsafeSlow(READ_BUFFER_BYTES);
  /** By client, from its first visit. */
  readonly #memories: Memory[] = [];
  readonly #dialect: ResumeDialect;
  readonly #waits: (Wait | undefined)[] = [];
  #clients: Client[] = [];
  #isLeaving = false;
  #isFirstVisit = true;
  #refused: (error: Error) => void = () => {};
  /** Messages with another number than the one to come. */
  disorders = 0;

  constructor(port: number, dialect: ResumeDialect, payloadBytes: number) {
    const { prefix, suffix } = dialect.received ?? dialect;
    this.port = port;
    this.#dialect = dialect;
    this.messageBytes = prefix.length + payloadBytes + suffix.length;
  }

  /** Opens connections that have not joined yet. @throws Error when the server refuses or closes one. */
  async connect(count: number, atOnce: number): Promise<void> {
    this.#isLeaving = false;
    this.#clients = [];
    const refused = new Promise<never>((_resolve, reject) => (this.#refused = reject));
    await Promise.race([
      refused,
      inLanes(count, atOnce, (index) => {
        const client = new Client(index, this, this.#dialect);
        this.#clients[index] = client;
        return client.opened();
      }),
    ]);
    this.#refused = () => {};
  }

  /**
   * Joins, with what the client kept if it was here before, and waits for the messages `first` to `last`; none when
   * `first` is greater. @throws Error when they do not come, or the server says that not all will.
   */
  join(index: number, first: number, last: number): Promise<void> {
    const settled = this.wait(index, first, last, { isAnswered: false });
    const client = this.#clients[index];
    client?.queue(maskedFrame(1, Buffer.from(this.#dialect.join(this.#memories[index]))));
    client?.flush();
    return settled;
  }

  /** Waits for the messages `first` to `last`. @throws Error when they do not come. */
  wait(index: number, first: number, last: number, { isAnswered = true }: { readonly isAnswered?: boolean } = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => done("something is missing"), SILENCE_MS);
      const done = (failure?: string): void => {
        clearTimeout(timer);
        this.#waits[index] = undefined;
        if (failure === undefined) resolve();
        else reject(new Error(`client ${index}: ${failure}`));
      };
      this.#waits[index] = { next: first, last, isAnswered, done };
    });
  }

  /** Ends every connection without a word, as a network does. */
  leave(): void {
    this.#isLeaving = true;
    for (const client of this.#clients) client.reset();
  }

  beforeRead(): void {}

  afterRead(): void {}

  stamped(client: number, data: Buffer, at: number): void {
    this.#take(client, data.subarray(at, at + this.messageBytes));
  }

  message(client: Client, payload: Buffer): void {
    this.#take(client.index, payload);
  }

  gone(client: Client, why: string): void {
    if (this.#isLeaving) return;
    this.#refused(new Error(`client ${client.index}: ${why}`));
    this.#waits[client.index]?.done(why);
  }

  #take(index: number, payload: Buffer): void {
    const wait = this.#waits[index];
    const memory = this.#memories[index];
    const textAt = payload.indexOf(BEFORE_TEXT);
    if (this.#isFirstVisit) this.#keep(index, payload.toString());
    if (wait === undefined) return;
    if (textAt >= 0) {
      const number = sequenceAt(payload, textAt + BEFORE_TEXT.length);
      if (number !== wait.next++) this.disorders++;
    } else if (!wait.isAnswered) {
      const isComplete = this.#dialect.isComplete(payload.toString(), memory ?? {});
      // Who is here for the first time has missed nothing.
      if (isComplete === false && !this.#isFirstVisit) return wait.done("not all that was missed is there");
      wait.isAnswered = isComplete !== undefined;
    }
    if (wait.isAnswered && wait.next > wait.last) wait.done();
  }

  /** From here on clients keep nothing more, so that they have something to ask for. */
  endFirstVisit(): void {
    this.#isFirstVisit = false;
  }

  #keep(index: number, message: string): void {
    const kept = this.#dialect.kept(message);
    if (kept !== undefined) this.#memories[index] = { ...this.#memories[index], ...kept };
  }
}

/** Runs `task` for 0 to `count - 1`, so many at a time. */
export async function inLanes(count: number, atOnce: number, task: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  const lane = async (): Promise<void> => {
    while (next < count) await task(next++);
  };
  await Promise.all(Array.from({ length: Math.min(count, atOnce) }, lane));
}
