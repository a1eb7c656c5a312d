import type { LinkOptions } from "../link/link.ts";
import type { Fetch } from "./handshake-check.ts";

/** What `createClient` may be given. */
export interface ClientOptions extends LinkOptions {
  /** Who this is: offered as the second subprotocol, `upwire.auth.` and base64url. A function is asked at each try. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Asks why a handshake was refused. Default: the global `fetch`. */
  readonly fetch?: Fetch;
  /** How many messages wait for a connection at most; one more is refused with `queue_full`. Default: 100. */
  readonly maxQueue?: number;
  /** How long an answer may take, where the call does not say. Milliseconds, 30,000 by default. */
  readonly requestTimeoutMs?: number;
  /**
   * Told what would go unseen: listeners that fail, rejections without a `catch`, errors of the server that answer nothing.
   * Default: `reportError` in a page, `console.error` elsewhere.
   */
  readonly onError?: (error: unknown) => void;
}

/** Never throws. */
export function reporter(onError: ((error: unknown) => void) | undefined): (error: unknown) => void {
  const { document, reportError } = globalThis as Partial<typeof globalThis>;
  // Outside of pages `reportError` may end the process, as in Deno.
  const report: (error: unknown) => unknown = onError ?? (document && reportError) ?? console.error;
  return (told) => {
    try {
      // An async one may reject.
      (report(told) as Partial<Promise<void>> | undefined)?.catch?.(console.error);
    } catch (failure) {
      console.error(failure);
    }
  };
}
