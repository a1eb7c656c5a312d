import { encodeBinaryFrame } from "@upwire/protocol";
import { bytesOf, chosenVectors, stepsOf, textOf, type VectorStep } from "../vectors/vector.ts";
import { Variables } from "../vectors/variables.ts";

/** One message of a client of `upwire.v1`: text, or the bytes of a binary message. */
export type V1Message = string | Buffer;

/** What a client of `upwire.v1` says on one connection. */
export type V1Talk = readonly V1Message[];

/** More makes the fuzzer slow, and finds nothing that less does not. Characters or bytes of one message. */
const MAX_MESSAGE = 2000;

/** What clients say in the vectors for servers that are short, the same in every run. */
export function v1Talks(): readonly V1Talk[] {
  return chosenVectors("server", { fastOnly: true }).flatMap((vector) => {
    const variables = new Variables();
    const talk = stepsOf(vector).flatMap((step) => messageOf(step, variables));
    return talk.length > 0 && talk.every(({ length }) => length <= MAX_MESSAGE) ? [talk] : [];
  });
}

function messageOf(step: VectorStep, variables: Variables): V1Message[] {
  if ("client" in step) return [JSON.stringify(variables.fill(step["client"]))];
  if ("clientText" in step) return [textOf(step["clientText"])];
  if ("clientBytes" in step) return [Buffer.from(bytesOf(step["clientBytes"]))];
  const parts = step["clientBinary"] as { readonly header: object; readonly base64: string } | undefined;
  return parts === undefined ? [] : [Buffer.from(encodeBinaryFrame(variables.fill(parts.header) as object, bytesOf(parts.base64)))];
}
