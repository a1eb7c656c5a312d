import type { IncomingHttpHeaders } from "node:http";
import type { RefusalCode } from "@upwire/core/adapter";

/** Why `connectTo` has no client: the server answered the handshake with something else than 101. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
  /** HTTP status of the answer. */
  readonly status: number;
  /** The stable name of upwire's refusal, such as `ERR_ORIGIN`; `undefined` when another part of the application answered. */
  readonly code: RefusalCode | undefined;
  /** The body of the answer; at most its first MiB. */
  readonly body: string;
  readonly headers: IncomingHttpHeaders;

  constructor(path: string, answer: Pick<RefusedError, "status" | "code" | "body" | "headers">) {
    const { status, code, body, headers } = answer;
    super(`connectTo(${JSON.stringify(path)}): refused with ${[status, code].filter((part) => part !== undefined).join(" ")}: ${body.trim().slice(0, 300)}`);
    this.status = status;
    this.code = code;
    this.body = body;
    this.headers = headers;
  }
}
