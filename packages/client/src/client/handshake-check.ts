import { CHECK_MEDIA_TYPE, type HandshakeCheck } from "@upwire/protocol";

/** The part of `fetch` that is used. */
export type Fetch = (
  url: string,
  init: { headers: Record<string, string>; credentials: "include"; referrerPolicy: "origin"; signal: AbortSignal },
) => Promise<{ json(): Promise<unknown> }>;

/** A server that is silent here is not waited for. Milliseconds. */
const CHECK_MS = 5000;

/**
 * Asks by GET why a handshake failed.
 * @returns `undefined` where nothing can be learnt: no `fetch`, no such server, no permission to read it; JSON of another server may be anything
 */
export async function askWhy(address: string, token: string | undefined, fetch: Fetch = globalThis.fetch): Promise<HandshakeCheck | null | undefined> {
  try {
    const response = await fetch(address.replace("ws", "http"), {
      headers: { accept: CHECK_MEDIA_TYPE, ...(token && { authorization: `Bearer ${token}` }) },
      // As a handshake: cookies go to any host, and the origin is told whatever the page's own policy is.
      credentials: "include",
      referrerPolicy: "origin",
      signal: AbortSignal.timeout(CHECK_MS),
    });
    return (await response.json()) as HandshakeCheck | null;
  } catch {
    return undefined;
  }
}
