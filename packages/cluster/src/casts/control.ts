import { ByteReader, Malformed } from "./byte-reader.ts";
import { ByteWriter } from "./byte-writer.ts";

/**
 * What nodes tell each other about casts: a byte with the version, and then items. Each is its kind, its length and its content, so
 * that a node skips the kinds that a newer version adds. All numbers are those of `ByteWriter`.
 *
 * | kind | content |
 * | --- | --- |
 * | 1 answers | runs of casts of the node that is told: the number of the first, how many, and how many queues took each |
 * | 2 checks | casts that the sender has no answer for: the address, how many runs, and of each the number of the first and how many |
 * | 3 absences | runs of such casts that did not come, since the address has no members here: the number of the first, and how many |
 * | 4 question | its number, and JSON |
 * | 5 reply | the number of the question, 1, and JSON; or the number of the question and 0 when there is no answer |
 * | 6 greeting | 1 when the node that is told should greet too, else 0 |
 */
export const VERSION = 1;

export const ItemKind: Readonly<Record<"answers" | "checks" | "absences" | "question" | "reply" | "greeting", number>> = {
  answers: 1,
  checks: 2,
  absences: 3,
  question: 4,
  reply: 5,
  greeting: 6,
};

/** Gets what a node has told. */
export interface ControlReader {
  /** @param took How many queues took each of them. */
  answers(casts: Run, took: number): void;
  checks(address: string, casts: readonly Run[]): void;
  absences(casts: Run): void;
  question(id: number, json: string): void;
  /** @param json `undefined` when there is no answer. */
  reply(id: number, json: string | undefined): void;
  /** @param wantsAnswer 1 or 0. */
  greeting(wantsAnswer: number): void;
}

/** Casts whose numbers follow each other. */
export interface Run {
  readonly first: number;
  readonly count: number;
}

/** What one question or answer may take, so that it can be told at once: a broker takes 1 MiB, the name of a part included. */
export const MAX_JSON_BYTES = 1_000_000;

/** More casts than this are never told of in one run: a wrong number would keep the reader busy. */
const MAX_RUN = 1_000_000;

/** Tells `reader` what the bytes say. Never throws for them. @returns whether it could read them to the end. */
export function readControl(bytes: Uint8Array, reader: ControlReader): boolean {
  try {
    const all = new ByteReader(bytes);
    if (all.number() !== VERSION) return false;
    while (!all.isAtEnd) {
      const kind = all.number();
      readItem(kind, new ByteReader(all.bytes(all.number())), reader);
    }
    return true;
  } catch (error) {
    if (error instanceof Malformed) return false;
    throw error;
  }
}

function readItem(kind: number, item: ByteReader, reader: ControlReader): void {
  if (kind === ItemKind["answers"]) {
    while (!item.isAtEnd) {
      const casts = readRun(item);
      reader.answers(casts, item.number());
    }
  } else if (kind === ItemKind["checks"]) {
    while (!item.isAtEnd) {
      const address = item.text();
      const runs: Run[] = [];
      for (let left = item.number(); left > 0; left--) runs.push(readRun(item));
      reader.checks(address, runs);
    }
  } else if (kind === ItemKind["absences"]) {
    while (!item.isAtEnd) reader.absences(readRun(item));
  } else if (kind === ItemKind["question"]) {
    reader.question(item.number(), item.text());
  } else if (kind === ItemKind["reply"]) {
    const id = item.number();
    reader.reply(id, item.number() === 1 ? item.text() : undefined);
  } else if (kind === ItemKind["greeting"]) {
    reader.greeting(item.number());
  }
}

function readRun(item: ByteReader): Run {
  const first = item.number();
  const count = item.number();
  if (count > MAX_RUN) throw new Malformed("a run is too long");
  // Above it numbers do not grow by one any more: to count up to such an end would take for ever.
  if (!Number.isSafeInteger(first + count)) throw new Malformed("a run ends too high");
  return { first, count };
}

/** One message that says one thing. */
export function oneItem(kind: number, write: (content: ByteWriter) => void): Uint8Array {
  const content = new ByteWriter();
  write(content);
  const message = new ByteWriter();
  message.number(VERSION);
  writeItem(message, kind, content.take());
  return message.take();
}

export function writeItem(message: ByteWriter, kind: number, content: Uint8Array): void {
  message.number(kind);
  message.number(content.byteLength);
  message.bytes(content);
}
