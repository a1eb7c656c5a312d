import type { HandshakeCheckRefusal } from "@upwire/protocol";

/** Where to connect to: relative ones are of the page. A function is asked at each try. */
export type Address = string | URL | (() => string | URL | Promise<string | URL>);

/** How a client stands with its server. */
export type ClientStatus =
  | { readonly state: "connecting" }
  | { readonly state: "open" }
  /** `retryAt`: when the next try is. Milliseconds since 1970. */
  | { readonly state: "waiting"; readonly retryAt: number }
  /**
   * For good: by `close()`, or since another try would not help. `code`, `reason`: of the close frame; where the server refused
   * the handshake, 1006 and its code. `error`: what the server says about that handshake.
   */
  | { readonly state: "closed"; readonly code: number; readonly reason: string; readonly error?: HandshakeCheckRefusal | undefined };
