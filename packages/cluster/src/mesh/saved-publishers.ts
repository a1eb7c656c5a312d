import type { SavedPublisher } from "./home.ts";
import { isNodeName } from "../broker/node-name.ts";
import type { Published } from "./messages.ts";

/** Reads what a home that closes says of the publishers. @throws TypeError or SyntaxError for what no home says. */
export function readPublishers(json: string): SavedPublisher[] {
  const publishers: unknown = JSON.parse(json);
  if (!Array.isArray(publishers)) throw new TypeError("the publishers are no list");
  for (const publisher of publishers as unknown[]) {
    const { node, last, answers } = (publisher ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof node !== "string" || !isNodeName(node) || !isCount(last) || !Array.isArray(answers) || !answers.every(isAnswer))
      throw new TypeError("a publisher is malformed");
  }
  return publishers as SavedPublisher[];
}

function isAnswer(answer: unknown): boolean {
  if (!Array.isArray(answer) || !isCount(answer[0])) return false;
  const { others, epoch, offset, repeated } = ((answer as unknown[])[1] ?? {}) as Partial<Published>;
  return isCount(others) && typeof epoch === "string" && isCount(offset) && typeof repeated === "boolean";
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
