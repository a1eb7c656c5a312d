import { promiseOf } from "@upwire/core/adapter";
import { ItemKind, oneItem } from "./control.ts";
import type { CastsOptions } from "./types.ts";

/** Questions that are answered at the same time, at most. */
const MAX_ANSWERING = 1000;
/** A longer answer is none. UTF-16 code units. */
const MAX_ANSWER_LENGTH = 1024 * 1024;

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

  constructor(setup: AnswersSetup) {
    this.#setup = setup;
  }

  /** Never rejects. */
  async reply(from: string, id: number, json: string): Promise<void> {
    const answer = await this.#answerInTurn(json, from);
    const reply = oneItem(ItemKind["reply"], (content) => {
      content.number(id);
      content.number(answer === undefined ? 0 : 1);
      if (answer !== undefined) content.text(answer);
    });
    try {
      await this.#setup.tell(from, reply);
    } catch {
      this.refused++;
    }
  }

  async #answerInTurn(json: string, from: string): Promise<string | undefined> {
    if (this.#answering >= MAX_ANSWERING) {
      this.refused++;
      return undefined;
    }
    this.#answering++;
    try {
      return await this.#answerTo(json, from);
    } catch (error) {
      this.#setup.report(error);
      return undefined;
    } finally {
      this.#answering--;
    }
  }

  /** The answer as JSON; `undefined` when there is none. @throws what the layer above throws. */
  async #answerTo(json: string, from: string): Promise<string | undefined> {
    let question: unknown;
    try {
      question = JSON.parse(json);
    } catch {
      this.malformed++;
      return undefined;
    }
    const returned = this.#setup.answer(question, from);
    const answer = JSON.stringify(await (promiseOf(returned) ?? returned)) as string | undefined;
    if (answer === undefined || answer.length <= MAX_ANSWER_LENGTH) return answer;
    throw new RangeError(`answer: ${answer.length} characters of JSON are too many; give at most ${MAX_ANSWER_LENGTH}`);
  }
}
