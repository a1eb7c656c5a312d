import { SUBPROTOCOL } from "@upwire/protocol";
import type { Target } from "../target.ts";
import { encodeClientFrame, Opcode } from "../client-frame.ts";
import { encodeHandshake } from "../handshake-request.ts";
import type { StoryPlan } from "./story.ts";
import type { Coverage } from "./coverage.ts";
import type { FuzzInput, Lane } from "./input.ts";
import { Judge } from "./judge.ts";
import { Line } from "./line.ts";
import { tell } from "./tell.ts";

/** Inputs on one connection at most: what is found must not need a long story. */
const MAX_INPUTS_PER_LINE = 64;
/** How long an answer to a request is awaited that may not be complete. */
const PATIENCE_MS = 1000;

/** Something that the server did wrong. */
export interface Wrong {
  /** Inputs of this connection, in order; the last one is guilty, perhaps with the help of those before. */
  readonly numbers: readonly number[];
  readonly why: string;
  /** Nothing wrong came, but nothing right either. */
  readonly isLate: boolean;
}

export interface PlayerOptions {
  readonly target: Target;
  readonly timeoutMs: number;
  /** Whether the server may let foreign pages in. */
  readonly anyOrigin: boolean;
  /** Where each input is counted. */
  readonly coverage: Coverage;
  readonly onWrong: (wrong: Wrong) => Promise<void>;
}

/** What became of one input, in a word for the statistics. */
type Outcome = string;

/** Plays inputs one after the other, on the same connection as long as the server keeps it. */
export class Player {
  readonly #target: Target;
  readonly #timeoutMs: number;
  readonly #anyOrigin: boolean;
  readonly #onWrong: (wrong: Wrong) => Promise<void>;
  readonly #coverage: Coverage;
  readonly #requests: Readonly<Record<"frames" | "deflate" | "v1", Buffer>>;
  readonly #lines = new Map<Lane, Line>();
  /** Connections so far. */
  opened = 0;

  constructor({ target, timeoutMs, anyOrigin, coverage, onWrong }: PlayerOptions) {
    this.#target = target;
    this.#timeoutMs = timeoutMs;
    this.#anyOrigin = anyOrigin;
    this.#coverage = coverage;
    this.#onWrong = onWrong;
    this.#requests = {
      frames: requestOf(target, {}),
      deflate: requestOf(target, { "Sec-WebSocket-Extensions": "permessage-deflate" }),
      v1: requestOf(target, { "Sec-WebSocket-Protocol": SUBPROTOCOL }),
    };
  }

  /** Rejects when there is no connection to the server. */
  async play(input: FuzzInput): Promise<Outcome> {
    if (input.story !== undefined) return this.#playStory(input, input.story);
    if (input.lane === "handshake" || input.lane === "story") return this.#playHandshake(input);
    const request = this.#requests[input.lane];
    let writes = input.writes;
    let line = this.#lines.get(input.lane);
    if (line === undefined || line.isOver) {
      line = await this.#open(request, { isV1: input.lane === "v1" });
      if (input.isEarly) {
        writes = [Buffer.concat([request, writes[0] ?? Buffer.alloc(0)]), ...writes.slice(1)];
      } else {
        await line.write([request]);
        const { judge } = line;
        if (!(await line.until(() => judge.status !== undefined, this.#timeoutMs))) return this.#late(line, input, "a good handshake was not answered");
      }
    }
    this.#lines.set(input.lane, line);
    line.numbers.push(input.number);
    const outcome = await this.#playFrames(line, input, writes);
    this.#coverage.count(input, line.judge);
    await this.#report(line);
    if (line.numbers.length < MAX_INPUTS_PER_LINE && !line.isOver) return outcome;
    line.reset();
    this.#lines.delete(input.lane);
    return outcome;
  }

  /** Lets go of the connections that are still open. */
  end(): void {
    for (const line of this.#lines.values()) line.reset();
    this.#lines.clear();
  }

  async #playFrames(line: Line, input: FuzzInput, writes: readonly Buffer[]): Promise<Outcome> {
    const { judge } = line;
    if (input.ending === "reset") {
      await line.write(writes);
      line.reset();
      return "reset by us";
    }
    if (input.ending === "end" || !input.isWhole) {
      await line.write(writes);
      return this.#expectEnd(line, input);
    }
    // Behind whole frames a ping is understood: its pong says that all of them were dealt with.
    const mark = Buffer.from(`input ${input.number}`);
    await line.write([...writes, encodeClientFrame({ opcode: Opcode.ping, payload: mark, mask: Buffer.alloc(4) })]);
    const settled = await line.until(() => judge.pong?.equals(mark) === true, this.#timeoutMs);
    if (!settled) return this.#late(line, input, "neither a pong nor the end of the connection came behind whole frames");
    return line.isOver ? endOf(line) : "survived";
  }

  async #playHandshake(input: FuzzInput): Promise<Outcome> {
    const line = await this.#open(Buffer.concat(input.writes));
    line.numbers.push(input.number);
    await line.write(input.writes);
    const { judge } = line;
    if (input.ending === "reset") line.reset();
    else if (input.ending === "wait" && input.isWhole) await line.until(() => judge.status !== undefined, PATIENCE_MS);
    const wasRefused = judge.status !== undefined && judge.status !== 101;
    if (wasRefused) line.reset();
    const outcome = line.isOver || wasRefused || input.ending === "reset" ? endOf(line) : await this.#expectEnd(line, input);
    this.#coverage.count(input, judge);
    await this.#report(line);
    return outcome;
  }

  async #playStory(input: FuzzInput, story: StoryPlan): Promise<Outcome> {
    const line = await Line.open(this.#target, new Judge(story.bytes, { anyOrigin: this.#anyOrigin, story }));
    this.opened++;
    line.numbers.push(input.number);
    await tell(line, story, story.isTampered ? PATIENCE_MS : this.#timeoutMs);
    const outcome = await this.#endStory(line, input, story);
    this.#coverage.count(input, line.judge);
    await this.#report(line);
    line.reset();
    return outcome;
  }

  async #endStory(line: Line, input: FuzzInput, story: StoryPlan): Promise<Outcome> {
    const { judge } = line;
    if (input.ending === "reset") {
      line.reset();
      return endOf(line);
    }
    if (input.ending === "end") {
      // The server need not finish what the client does not wait for.
      judge.waitsForAll = false;
      return this.#expectEnd(line, input);
    }
    if (!input.isWhole) {
      const isOver = (): boolean => judge.status === 101 || judge.answers >= story.methods.length;
      await line.until(isOver, PATIENCE_MS);
      judge.waitsForAll = false;
      return line.isOver ? endOf(line) : this.#expectEnd(line, input);
    }
    const isDone = (): boolean =>
      story.endsWithAnswer && judge.status !== 101
        ? judge.answers >= story.methods.length && judge.isAtBorder
        : judge.pong?.equals(story.mark) === true || isRefused(judge, story);
    if (!(await line.until(isDone, this.#timeoutMs)))
      return this.#late(line, input, "the upgrade behind other requests got no answer, and the connection did not end");
    return line.isOver || judge.status !== 101 ? endOf(line) : "survived";
  }

  /** Our side ends: then the server has nothing to wait for. */
  async #expectEnd(line: Line, input: FuzzInput): Promise<Outcome> {
    line.end();
    if (await line.until(() => false, this.#timeoutMs)) return endOf(line);
    return this.#late(line, input, "the server did not end the TCP connection after the client had");
  }

  async #open(sent: Buffer, { isV1 = false }: { readonly isV1?: boolean } = {}): Promise<Line> {
    const line = await Line.open(this.#target, new Judge(sent, { anyOrigin: this.#anyOrigin, isV1 }));
    this.opened++;
    return line;
  }

  async #late(line: Line, input: FuzzInput, why: string): Promise<Outcome> {
    line.reset();
    if (line.numbers.at(-1) !== input.number) line.numbers.push(input.number);
    await this.#onWrong({ numbers: [...line.numbers], why: `${why} (waited ${this.#timeoutMs} ms)`, isLate: true });
    return "late";
  }

  async #report(line: Line): Promise<void> {
    for (const why of line.judge.faults.splice(0)) await this.#onWrong({ numbers: [...line.numbers], why, isLate: false });
  }
}

function requestOf({ host = "127.0.0.1", port, path = "/", headers }: Target, more: Readonly<Record<string, string>>): Buffer {
  // The key is the RFC's own (§1.3): the bytes are then the same in every run.
  const { text } = encodeHandshake({ path, key: "dGhlIHNhbXBsZSBub25jZQ==", headers: { ...headers, ...more } }, `${host}:${port}`);
  return Buffer.from(text, "latin1");
}

/** Every request has its answer, and the last one is no 101. */
function isRefused(judge: Judge, { methods }: StoryPlan): boolean {
  return judge.status !== 101 && judge.answers >= methods.length && judge.isAtBorder;
}

function endOf({ judge }: Line): Outcome {
  if (judge.status === undefined) return "ended unanswered";
  if (judge.status !== 101) return `HTTP ${judge.status}`;
  return judge.closeCode === undefined ? "ended without a close frame" : `close ${judge.closeCode}`;
}
