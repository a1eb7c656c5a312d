import { setImmediate as turn } from "node:timers/promises";
import { constants, deflateRawSync } from "node:zlib";
import type { ConnectionError } from "@upwire/core";
import { encodeClientFrame } from "@upwire/testing";
import type { StreamSink } from "../../src/wire/frame-reader.ts";
import type { IncomingStream, StreamedMessage } from "../../src/wire/incoming-stream.ts";
import { MessageReader } from "../../src/wire/message-reader.ts";
import type { WorkBudget } from "../../src/wire/work-budget.ts";

export const STREAM_LIMITS = { maxMessageBytes: 300_000, maxFragments: 1_000_000 };
const MASK = Buffer.from([0x12, 0x34, 0x56, 0x78]);

/** How an application takes a message. @returns what it got, and how that ended. */
export type Taker = (message: IncomingStream) => Promise<string>;

export async function taken(message: IncomingStream | undefined, pause: () => Promise<unknown>): Promise<string> {
  if (message === undefined) return "no message";
  const parts: Uint8Array[] = [];
  try {
    for await (const chunk of message.readable) {
      parts.push(chunk);
      // By the promise of a text: what is cut within a character is no text of its own.
      if (!message.isBinary) new TextDecoder("utf8", { fatal: true }).decode(chunk);
      await pause();
    }
    return `${message.isBinary ? "binary" : "text"} ${Buffer.concat(parts).toString("hex")}`;
  } catch (error) {
    return `failed ${(error as { readonly code?: string }).code ?? String(error)}`;
  }
}

export const fast: Taker = (message) => taken(message, () => Promise.resolve());

export const takers: Readonly<Record<string, Taker>> = {
  fast,
  slow: (message) => taken(message, () => turn()),
  async late(message) {
    for (let turns = 0; turns < 5; turns++) await turn();
    return taken(message, () => Promise.resolve());
  },
  async "cancels at once"(message) {
    await message.readable.cancel();
    return "cancelled ";
  },
  async "cancels later"(message) {
    const reader = message.readable.getReader();
    const first = await reader.read();
    await turn();
    await reader.cancel();
    return `cancelled ${Buffer.from(first.value ?? []).toString("hex")}`;
  },
};

export interface StreamLog {
  /** What became of each message, in order. */
  readonly messages: string[];
  readonly controls: string[];
  fault: string | undefined;
}

/** Feeds `chunks` as a socket does: the next one when the reader wants it. Settles when all was taken, or at a fault. */
export async function readStreams(chunks: readonly Buffer[], taker: (index: number) => Taker, inflates = true, budget?: WorkBudget): Promise<StreamLog> {
  const log: StreamLog = { messages: [], controls: [], fault: undefined };
  const taking: Promise<void>[] = [];
  const coming: StreamedMessage[] = [];
  let failed = (): void => {};
  let ready = (): void => {};
  const broken = new Promise<void>((resolve) => (failed = resolve));
  const end = (error: ConnectionError | undefined, line: string): void => {
    log.fault = line;
    for (const message of coming) message.fail(error ?? Object.assign(new Error("closed"), { code: "closed" }));
    failed();
  };
  const sink: StreamSink = {
    onMessage: () => end(undefined, "a whole message"),
    onStream(message) {
      const index = coming.push(message) - 1;
      taking.push(
        taker(index)(message.shown).then((line) => {
          log.messages[index] = line;
        }),
      );
    },
    onStreamBytes: () => {},
    onPing: (data) => void log.controls.push(`ping ${data.toString("hex")}`),
    onPong: (data) => void log.controls.push(`pong ${data.toString("hex")}`),
    onClose: (code) => end(undefined, `close ${code}`),
    onFault: (error) => end(error, `fault ${error.code}`),
    onReady: () => ready(),
  };
  const reader = new MessageReader(sink, { limits: STREAM_LIMITS, inflates, now: () => 1, budget }, { sink, maxBytes: STREAM_LIMITS.maxMessageBytes });
  for (const chunk of chunks) {
    if (log.fault !== undefined) break;
    const isReady = new Promise<void>((resolve) => (ready = resolve));
    // The reader unmasks in place: each chunk is its own, as from a socket.
    if (!reader.read(Buffer.from(chunk))) await Promise.race([isReady, broken]);
  }
  // The client ends its side: what the reader has taken whole stays, and what is not complete never will be.
  for (const message of coming) message.fail(Object.assign(new Error("ended"), { code: "ended" }));
  await Promise.all(taking);
  reader.release();
  return log;
}

/** `bytes` in pieces that end at `cuts`. */
export function cutAt(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts.map((cut) => cut % (bytes.byteLength + 1)), bytes.byteLength].toSorted((a, b) => a - b);
  return ends.map((end, index) => bytes.subarray(ends[index - 1] ?? 0, end)).filter(({ byteLength }) => byteLength > 0);
}

export function deflated(payload: Uint8Array): Buffer {
  return deflateRawSync(payload, { finishFlush: constants.Z_SYNC_FLUSH }).subarray(0, -4);
}

export interface SentMessage {
  readonly payload: Buffer;
  readonly opcode: number;
  readonly isCompressed: boolean;
  readonly splits: readonly number[];
  /** What goes between its frames. */
  readonly between: readonly { readonly opcode: number; readonly payload: Buffer }[];
}

export function framesOf({ payload, opcode, isCompressed, splits, between }: SentMessage): Buffer {
  const parts = cutAt(isCompressed ? deflated(payload) : payload, splits);
  if (parts.length === 0) parts.push(Buffer.alloc(0));
  const wire = parts.flatMap((part, index) => {
    const frame = { opcode: index === 0 ? opcode : 0, rsv: index === 0 && isCompressed ? 4 : 0, fin: index === parts.length - 1, payload: part, mask: MASK };
    const control = between[index];
    return [encodeClientFrame(frame), ...(control === undefined || frame.fin ? [] : [encodeClientFrame({ ...control, mask: MASK })])];
  });
  return Buffer.concat(wire);
}
