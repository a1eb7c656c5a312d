import { jsonText, promiseOf } from "@upwire/core/adapter";
import { ItemKind, MAX_JSON_BYTES, oneItem } from "./control.ts";
import type { CastsOptions } from "./types.ts";

/** Questions that wait for a promise of the layer above at the same time, at most. */
const MAX_ANSWERING = 1000;
/** Replies that wait for the broker to take them over, at most; what would be more is thrown away. Bytes. */
const MAX_UNTAKEN_BYTES = 16 * 1024 * 1024;

interface AnswersSetup extends Pick<CastsOptions, "answer" | "report"> {
  readonly tell: (node: string, data: Uint8Array) => Promise<void>;
}

/** The questions that other nodes ask this one. Each gets a reply, so that no node waits for an answer that does not come. */
export class Answers {
  /** Questions over the most that are answered at the same time, and replies that the broker did not take. */
  refused = 0;
  /** Questions that are no JSON. */
  malformed = 0;
  readonly #setup: AnswersSetup;
  #answering = 0;
  #untakenBytes = 0;

  constructor(setup: AnswersSetup) {
    this.#setup = setup;
  }

  /** A question of `from` has come. Never throws. */
  take(from: string, id: number, json: string): void {
    const question = this.#parsed(json);
    if (question === undefined || this.#answering >= MAX_ANSWERING) {
      if (question !== undefined) this.refused++;
      return this.#reply(from, id, undefined);
    }
    const reply = (answer: unknown): void => this.#reply(from, id, this.#jsonOf(answer));
    try {
      const returned = this.#setup.answer(question.value, from);
      const promise = promiseOf(returned);
      if (promise === undefined) reply(returned);
      else void this.#replyLater(promise, reply);
    } catch (error) {
      this.#setup.report(error);
      reply(undefined);
    }
  }

  async #replyLater(promise: Promise<unknown>, reply: (answer: unknown) => void): Promise<void> {
    let answer: unknown;
    this.#answering++;
    try {
      answer = await promise;
    } catch (error) {
      this.#setup.report(error);
    }
    this.#answering--;
    reply(answer);
  }

  #parsed(json: string): { readonly value: unknown } | undefined {
    try {
      return { value: JSON.parse(json) };
    } catch {
      this.malformed++;
      return undefined;
    }
  }

  /** `undefined` when there is no answer, or none that can be told. */
  #jsonOf(answer: unknown): string | undefined {
    try {
      const json = jsonText(answer);
      const bytes = json === undefined ? 0 : Buffer.byteLength(json);
      if (bytes > MAX_JSON_BYTES) throw new RangeError(`answer: one of ${bytes} bytes is not allowed; give at most ${MAX_JSON_BYTES}`);
      return json;
    } catch (error) {
      this.#setup.report(error);
      return undefined;
    }
  }

  #reply(from: string, id: number, json: string | undefined): void {
    const reply = oneItem(ItemKind["reply"], (content) => {
      content.number(id);
      content.number(json === undefined ? 0 : 1);
      if (json !== undefined) content.text(json);
    });
    if (this.#untakenBytes + reply.byteLength > MAX_UNTAKEN_BYTES) return void this.refused++;
    void this.#tell(from, reply);
  }

  async #tell(node: string, reply: Uint8Array): Promise<void> {
    this.#untakenBytes += reply.byteLength;
    try {
      await this.#setup.tell(node, reply);
    } catch {
      this.refused++;
    }
    this.#untakenBytes -= reply.byteLength;
  }
}
