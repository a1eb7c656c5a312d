import { CHECK_MEDIA_TYPE, type HandshakeCheck, type HandshakeCheckRefusal } from "@upwire/protocol";

/** The part of `fetch` that is used. */
export type Fetch = (url: string, init: { headers: Record<string, string>; signal: AbortSignal }) => Promise<{ json(): Promise<unknown> }>;

/** A server that is silent here is not waited for. Milliseconds. */
const CHECK_MS = 5000;

/**
 * Asks by GET why a handshake failed.
 * @returns `undefined` where nothing can be learnt: no `fetch`, no such server, no permission to read it, an answer that is none
 */
export async function askWhy(address: string, token: string | undefined, fetch: Fetch = globalThis.fetch): Promise<HandshakeCheckRefusal | undefined> {
  try {
    const response = await fetch(address.replace("ws", "http"), {
      headers: { accept: CHECK_MEDIA_TYPE, ...(token && { authorization: `Bearer ${token}` }) },
      signal: AbortSignal.timeout(CHECK_MS),
    });
    const verdict = (await response.json()) as HandshakeCheck | null;
    return verdict?.ok === false ? verdict : undefined;
  } catch {
    return undefined;
  }
}
