/** With what connections are closed. */
export interface Closing {
  readonly code: number;
  readonly reason: string;
}

/**
 * What one node asks of another. It travels as JSON. What is done to connections is answered by how many that reached, and the reply to a
 * request with a key by a `KnownReply`.
 */
export type NodeCall =
  | { readonly do: "send"; readonly connection: string; readonly text?: string; readonly base64?: string }
  | ({ readonly do: "close"; readonly connection: string } & Closing)
  | ({ readonly do: "closeUser"; readonly user: string } & Closing)
  | { readonly do: "findReply"; readonly name: string }
  | { readonly do: "awaitReply"; readonly name: string };

/** What is done to connections. */
export type ConnectionCall = Extract<NodeCall, { readonly do: "send" | "close" | "closeUser" }>;

/** A call that sends a frame. */
export function sendCall(connection: string, frame: string | Uint8Array): ConnectionCall {
  if (typeof frame === "string") return { do: "send", connection, text: frame };
  return { do: "send", connection, base64: Buffer.from(frame.buffer, frame.byteOffset, frame.byteLength).toString("base64") };
}

/** The frame of such a call; `undefined` for one without. */
export function frameOf({ text, base64 }: Extract<NodeCall, { readonly do: "send" }>): string | Uint8Array | undefined {
  return text ?? (base64 === undefined ? undefined : Buffer.from(base64, "base64"));
}

/** @returns `undefined` for what no node of this version asks: another one may know more. */
export function readNodeCall(question: unknown): NodeCall | undefined {
  if (typeof question !== "object" || question === null) return undefined;
  const call = question as Readonly<Record<string, unknown>>;
  const isText = (name: string): boolean => typeof call[name] === "string";
  const isClosing = (): boolean => isText("reason") && typeof call["code"] === "number";
  const checks: Readonly<Record<string, () => boolean>> = {
    send: () => isText("connection") && (isText("text") || isText("base64")),
    close: () => isText("connection") && isClosing(),
    closeUser: () => isText("user") && isClosing(),
    findReply: () => isText("name"),
    awaitReply: () => isText("name"),
  };
  const what = String(call["do"]);
  return Object.hasOwn(checks, what) && checks[what]?.() === true ? (call as unknown as NodeCall) : undefined;
}

/** How many connections a call has reached, by what a node answered. */
export function countOf(answer: unknown): number {
  return Number.isSafeInteger(answer) && (answer as number) > 0 ? (answer as number) : 0;
}
