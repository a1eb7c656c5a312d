/** What the server says about a handshake that it refused: a browser tells a page nothing of it. */
export interface HandshakeVerdict {
  readonly ok: false;
  /** Of HTTP. */
  readonly status: number;
  /** Stable, such as `ERR_ORIGIN_NOT_ALLOWED`. */
  readonly code: string;
  readonly retry: "yes" | "later" | "no";
}

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<{ json(): Promise<unknown> }>;

/** A server that is silent here is not waited for. Milliseconds. */
const CHECK_MS = 5000;

/**
 * Asks by GET why a handshake failed.
 * @returns `undefined` where nothing can be learnt: no `fetch`, no such server, no permission to read it, an answer that is none
 */
export async function askWhy(address: string, token: string | undefined, fetch: Fetch = globalThis.fetch): Promise<HandshakeVerdict | undefined> {
  try {
    const response = await fetch(address.replace("ws", "http"), {
      headers: { accept: "application/vnd.upwire.check+json", ...(token && { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(CHECK_MS),
    });
    const verdict = (await response.json()) as HandshakeVerdict | null;
    return verdict?.ok === false ? verdict : undefined;
  } catch {
    return undefined;
  }
}
