import type { Asked, Reach } from "../casts/types.ts";
import { addCounts } from "./questions.ts";

/** Adds what members of this node did to what came of a question to others. */
export function toReach(local: number, { answers, missing, delivery }: Asked): Reach {
  const { sum, wrong } = addCounts(answers);
  return { reached: local + sum, missing: wrong.length === 0 ? missing : [...missing, ...wrong], delivery };
}
