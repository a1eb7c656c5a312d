import { probeFor } from "../conformance/probe.ts";
import { playTable, type TableReport } from "../play-table.ts";
import { targetOf } from "../target.ts";
import type { HandshakeCase, Site } from "./case.ts";
import { runHandshake } from "./run-handshake.ts";
import { handshakeCases } from "./table.ts";

export interface HandshakeOptions {
  /** Rows at the same time. @default 16 */
  readonly concurrency?: number;
  /** Longest wait for one thing that the server has to do. Milliseconds. @default 5000 */
  readonly timeoutMs?: number;
  /** Added to every handshake, unless the row has its own: `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** What the server speaks at this address. Without any, the rows that need one are left out. @default none */
  readonly subprotocols?: readonly string[];
  /** Only these. @default every row of the table */
  readonly cases?: readonly HandshakeCase[];
}

/**
 * Plays the handshake table against an echo server: requests right and wrong, which must be answered as RFC 6455 section 4
 * and HTTP say, and must harm nobody else. After each one a fresh client must still be served.
 * @param url `ws:` or `wss:`
 * @throws Error when there is no echo server, TypeError for another kind of URL.
 */
export async function runHandshakes(url: string | URL, options: HandshakeOptions = {}): Promise<TableReport> {
  const { concurrency = 16, timeoutMs = 5000, headers = {}, subprotocols = [], cases = handshakeCases } = options;
  const stage = { target: targetOf(new URL(url), headers), site: siteOf(new URL(url), subprotocols), timeoutMs };
  const probe = await probeFor(stage.target, timeoutMs);
  const rows = cases.filter(({ needs }) => needs !== "subprotocol" || subprotocols.length > 0);
  return playTable({ rows, skipped: cases.length - rows.length, concurrency, probe, play: (row) => runHandshake(row, stage) });
}

function siteOf(url: URL, subprotocols: readonly string[]): Site {
  const scheme = url.protocol === "wss:" ? "https" : "http";
  return {
    scheme,
    host: url.host,
    hostname: url.hostname,
    port: Number(url.port) || (scheme === "https" ? 443 : 80),
    origin: `${scheme}://${url.host}`,
    path: url.pathname + url.search,
    subprotocols,
  };
}
