import { playTable, type TableReport } from "../play-table.ts";
import { targetOf } from "../target.ts";
import type { Fault } from "../verdict.ts";
import type { ConformanceCase } from "./case.ts";
import { probe, probeFor } from "./probe.ts";
import { runCase } from "./run-case.ts";
import { conformanceCases } from "./table.ts";

export interface ConformanceOptions {
  /** Cases at the same time. @default 16 */
  readonly concurrency?: number;
  /** Longest wait for one thing that the server has to do. Milliseconds. @default 5000 */
  readonly timeoutMs?: number;
  /**
   * `auto` leaves the cases that need permessage-deflate out when the server declines it; `require` fails them; `off`
   * leaves them out; `always` is `require`, and offers it in every other case too. @default "auto"
   */
  readonly deflate?: "auto" | "require" | "off" | "always";
  /** Added to every handshake: `Origin`, `Authorization`. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Only these. @default every case of the table */
  readonly cases?: readonly ConformanceCase[];
}

const PMD = "permessage-deflate";

/**
 * Plays the table against an echo server (text back as text, binary as binary) and judges every frame that it sends.
 * After each case a fresh client must still be served.
 * @param url `ws:` or `wss:`
 * @throws Error when there is no echo server, TypeError for another kind of URL.
 */
export async function runConformance(url: string | URL, options: ConformanceOptions = {}): Promise<TableReport> {
  const { concurrency = 16, timeoutMs = 5000, deflate = "auto", headers = {}, cases: all = conformanceCases } = options;
  const target = targetOf(new URL(url), headers);
  const isServed = await probeFor(target, timeoutMs);
  const compresses = deflate === "auto" ? (await runCase({ ...probe, needs: "deflate", offers: [PMD] }, target, timeoutMs)).length === 0 : deflate !== "off";
  const rows = all
    .filter(({ needs }) => compresses || needs !== "deflate")
    .map((testCase) => (deflate === "always" && testCase.uncompressedOnly !== true ? { offers: [PMD], ...testCase } : testCase));
  const play = (row: ConformanceCase): Promise<readonly Fault[]> => runCase(row, target, timeoutMs);
  return playTable({ rows, skipped: all.length - rows.length, concurrency, play, probe: isServed });
}
