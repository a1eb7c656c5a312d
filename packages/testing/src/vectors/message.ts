import { decodeBinaryFrame, encodeBinaryFrame } from "@upwire/protocol";
import { bytesOf, textOf, type VectorStep } from "./vector.ts";
import type { Variables } from "./variables.ts";

/** What a WebSocket carries. */
export type Data = string | Uint8Array;

interface Parts {
  readonly header: object;
  readonly base64: string;
}

/** The message that a step of `side` sends, or `undefined` for another step. */
export function dataOf(side: "client" | "server", step: VectorStep, variables: Variables): Data | undefined {
  if (side in step) return JSON.stringify(variables.fill(step[side]));
  if (`${side}Text` in step) return textOf(step[`${side}Text`]);
  if (`${side}Bytes` in step) return bytesOf(step[`${side}Bytes`]);
  const parts = step[`${side}Binary`] as Parts | undefined;
  return parts === undefined ? undefined : encodeBinaryFrame(variables.fill(parts.header) as object, bytesOf(parts.base64));
}

/** What is wrong with a message that should be the one of a step of `side`. */
export function faultOf(side: "client" | "server", step: VectorStep, actual: Data | undefined, variables: Variables): string | undefined {
  if (actual === undefined) return `no message came; ${JSON.stringify(step)} should have`;
  const expected = expectationOf(side, step);
  const came = typeof actual === "string" ? readText(actual) : `${side}Binary` in step ? readBinaryMessage(actual) : readBytes(actual);
  return variables.differs(expected, came, "the message");
}

function expectationOf(side: "client" | "server", step: VectorStep): unknown {
  const parts = step[`${side}Binary`] as Parts | undefined;
  if (parts !== undefined) return { header: parts.header, base64: parts.base64 };
  return `${side}Bytes` in step ? { base64: Buffer.from(bytesOf(step[`${side}Bytes`])).toString("base64") } : step[side];
}

function readText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return { text };
  }
}

function readBytes(bytes: Uint8Array): { readonly base64: string } {
  return { base64: Buffer.from(bytes).toString("base64") };
}

function readBinaryMessage(bytes: Uint8Array): unknown {
  const frame = decodeBinaryFrame(bytes);
  return frame === undefined ? readBytes(bytes) : { header: frame.header, ...readBytes(frame.payload) };
}

/** What a message of a step looks like in a fault. */
export function shown(data: Data): string {
  return typeof data === "string" ? data.slice(0, 300) : `${data.length} bytes`;
}
