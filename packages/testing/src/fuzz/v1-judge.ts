import { decodeBinaryFrame } from "@upwire/protocol";

type Members = Readonly<Record<string, unknown>>;

/** What a server of `upwire.v1` may say, on one connection. */
export class V1Judge {
  #hasHello = false;

  /** What is wrong with a message of the server: text, or the bytes of a binary one. */
  faultOf(message: string | Buffer): string | undefined {
    const value = typeof message === "string" ? parsed(message) : decodeBinaryFrame(message)?.header;
    if (typeof value !== "object" || value === null || Array.isArray(value)) return `a message of upwire.v1 that is no object: ${excerpt(message)}`;
    const { type, re, error, topic, offset } = value as Members;
    const isHello = type === "upwire.hello";
    if (isHello && this.#hasHello) return "a second hello";
    if (!isHello && !this.#hasHello) return `a message before hello: ${excerpt(message)}`;
    this.#hasHello = true;
    if (isHello) return undefined;
    if (re !== undefined) return this.#faultOfReply(re, error, message);
    if (typeof type !== "string") return `a message without a type: ${excerpt(message)}`;
    const isWhole = offset === undefined || (typeof topic === "string" && Number.isSafeInteger(offset) && (offset as number) > 0);
    return isWhole ? undefined : `a publication without its topic or a good offset: ${excerpt(message)}`;
  }

  #faultOfReply(re: unknown, error: unknown, message: string | Buffer): string | undefined {
    if (!Number.isSafeInteger(re) || (re as number) < 1) return `a reply to no id: ${excerpt(message)}`;
    if (error === undefined) return undefined;
    const { code, message: text, retryable } = (error ?? {}) as Members;
    const isError = typeof code === "string" && /^[a-z0-9_.-]{1,64}$/.test(code) && typeof text === "string" && typeof retryable === "boolean";
    return isError ? undefined : `an error that is none: ${excerpt(message)}`;
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function excerpt(message: string | Buffer): string {
  return JSON.stringify(message.toString().slice(0, 120));
}
