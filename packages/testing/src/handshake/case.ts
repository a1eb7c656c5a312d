import type { HandshakeInit } from "../handshake-request.ts";
import type { TableRow } from "../play-table.ts";

/** What a request is made of: the server that is tested, as its own pages know it. */
export interface Site {
  readonly scheme: "http" | "https";
  /** As in a good Host header: with the port, unless it is the scheme's own. */
  readonly host: string;
  readonly hostname: string;
  readonly port: number;
  /** `scheme://host` */
  readonly origin: string;
  /** Path and query of the address that echoes. */
  readonly path: string;
  /** What it is known to speak. */
  readonly subprotocols: readonly string[];
}

/** A good handshake for the site, but for what is said here. */
export interface HandshakeCall extends HandshakeInit {
  /** Target of a plain GET that is answered on the same connection before. A server that then closes is spared the row. */
  readonly after?: string;
  /** Text messages sent right behind the request, in the same write. */
  readonly early?: readonly string[];
  /** Cuts request and early messages into writes of so many bytes. @default one write */
  readonly chunkBytes?: number;
}

/** `refused`: a status of 400 or more, or the end of TCP without an answer. `page`: whatever else is not 101. */
export type Answer = 101 | "refused" | "page";

export interface HandshakeExpectation {
  /** Any of these. */
  readonly answers: readonly Answer[];
  /** Members that these list headers of a refusal hold. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What good servers do; anything else of the above is a strict fault. */
  readonly best?: {
    readonly statuses: readonly number[];
    readonly headers?: Readonly<Record<string, string>>;
  };
  /** `false` where a 101 need not lead to the echo. @default true */
  readonly echoes?: boolean;
  /** What a 101 confirms: the first subprotocol of the server, or none. @default any that was offered */
  readonly confirms?: "subprotocol" | "nothing";
}

/** One opening handshake, right or wrong. */
export interface HandshakeCase extends TableRow {
  /** Only for servers that are known to speak a subprotocol. */
  readonly needs?: "subprotocol";
  readonly request: (site: Site) => HandshakeCall;
  /** The request with its long part cut in half: the whole one may not take much longer. */
  readonly half?: (site: Site) => HandshakeCall;
  readonly expect: HandshakeExpectation;
}
