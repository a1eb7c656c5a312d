import type { Casts } from "../casts/casts.ts";
import type { Asked, AskOptions, Reach } from "../casts/types.ts";
import { addCounts, type Question } from "./questions.ts";

/** Adds what members of this node did to what came of a question to others. */
export function toReach(local: number, { answers, missing, delivery }: Asked): Reach {
  const { sum, wrong } = addCounts(answers);
  return { reached: local + sum, missing: wrong.length === 0 ? missing : [...missing, ...wrong], delivery };
}

/** Asks one other node, or all others. */
export function ask(casts: Casts, node: string | undefined, question: Question, options?: AskOptions): Promise<Asked> {
  return casts.ask(node, question, options);
}
