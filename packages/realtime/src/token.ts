import { TOKEN_PREFIX } from "@upwire/protocol";

/** What `tokenOf` looks at; an `UpgradeRequest` is one. */
export interface TokenRequest {
  readonly headers: { readonly authorization?: string | undefined };
  /** The subprotocols that the client offers. */
  readonly subprotocols: readonly string[];
}

const BEARER = /^Bearer +([^ ]+) *$/i;
const BASE64URL = /^[\w-]+$/;

/**
 * The token of a client, for `authorize`: that of `Authorization: Bearer`, or, for a browser, which cannot send that header, the
 * offered subprotocol `upwire.auth.` + the token in base64url. upwire never selects that, and writes it nowhere.
 * @returns `undefined` without a token, or with one that is not base64url of UTF-8.
 */
export function tokenOf({ headers, subprotocols }: TokenRequest): string | undefined {
  const bearer = BEARER.exec(headers.authorization ?? "")?.[1];
  if (bearer !== undefined) return bearer;
  const offered = subprotocols.find((name) => name.startsWith(TOKEN_PREFIX))?.slice(TOKEN_PREFIX.length);
  if (offered === undefined || !BASE64URL.test(offered)) return undefined;
  const bytes = Buffer.from(offered, "base64url");
  // A last character whose bits say nothing, or one alone: two texts for one token.
  if (bytes.toString("base64url") !== offered) return undefined;
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return undefined;
  }
}
