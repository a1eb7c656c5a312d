import type { ConformanceCase, Level } from "./case.ts";
import { runCase, type Fault, type Target } from "./run-case.ts";
import { conformanceCases } from "./table.ts";
import { echoText, text } from "./write.ts";

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

export interface ConformanceFailure {
  readonly id: string;
  readonly group: string;
  readonly title: string;
  /** `strict` when nothing that the RFCs demand was broken. */
  readonly level: Level;
  /** Everything that was wrong. */
  readonly why: readonly string[];
}

export interface ConformanceReport {
  readonly passed: number;
  readonly total: number;
  /** Cases that were left out, because the server does not compress. */
  readonly skipped: number;
  readonly failing: readonly ConformanceFailure[];
  readonly groups: readonly { readonly name: string; readonly passed: number; readonly total: number }[];
}

const PMD = "permessage-deflate";

/** A good client: what it says must come back, whatever another one did before. */
const probe: ConformanceCase = {
  id: "alive",
  group: "alive",
  title: "a good client is served",
  level: "must",
  send: [{ frames: [text("alive")] }],
  expect: { messages: [echoText("alive")] },
};

const deflateProbe: ConformanceCase = { ...probe, needs: "deflate", offers: [PMD] };

/**
 * Plays the table against an echo server (text back as text, binary as binary) and judges every frame that it sends.
 * After each case a fresh client must still be served.
 * @param url `ws:` or `wss:`
 * @throws Error when there is no echo server, TypeError for another kind of URL.
 */
export async function runConformance(url: string | URL, options: ConformanceOptions = {}): Promise<ConformanceReport> {
  const { concurrency = 16, timeoutMs = 5000, deflate = "auto", headers = {}, cases: all = conformanceCases } = options;
  const target = targetOf(new URL(url), headers);
  const [unfit] = await runCase(probe, target, timeoutMs);
  if (unfit !== undefined) throw new Error(`${String(url)} does not echo to a good client: ${unfit.why}`);
  const compresses = deflate === "auto" ? (await runCase(deflateProbe, target, timeoutMs)).length === 0 : deflate !== "off";
  const cases = all
    .filter(({ needs }) => compresses || needs !== "deflate")
    .map((testCase) => (deflate === "always" && testCase.uncompressedOnly !== true ? { offers: [PMD], ...testCase } : testCase));

  const failures = new Map<string, ConformanceFailure>();
  const waiting = cases.values();
  const work = async (): Promise<void> => {
    for (const testCase of waiting) {
      const faults = await runCase(testCase, target, timeoutMs);
      const dead = await runCase(probe, target, timeoutMs);
      const after = dead.map(({ why }): Fault => ({ level: "must", why: `afterwards a good client is not served: ${why}` }));
      const failure = failureOf(testCase, [...faults, ...after]);
      if (failure !== undefined) failures.set(testCase.id, failure);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, work));

  return {
    passed: cases.length - failures.size,
    total: cases.length,
    skipped: all.length - cases.length,
    failing: cases.flatMap(({ id }) => failures.get(id) ?? []),
    groups: [...new Set(cases.map(({ group }) => group))].map((name) => {
      const members = cases.filter(({ group }) => group === name);
      return { name, passed: members.filter(({ id }) => !failures.has(id)).length, total: members.length };
    }),
  };
}

function failureOf({ id, group, title }: ConformanceCase, faults: readonly Fault[]): ConformanceFailure | undefined {
  if (faults.length === 0) return undefined;
  const level = faults.some((fault) => fault.level === "must") ? "must" : "strict";
  return { id, group, title, level, why: faults.map(({ why }) => why) };
}

/** @throws TypeError for what is neither `ws:` nor `wss:`. */
export function targetOf(url: URL, headers: Readonly<Record<string, string>>): Target {
  if (url.protocol !== "ws:" && url.protocol !== "wss:") throw new TypeError(`${url.protocol} is not ws: or wss:`);
  const secure = url.protocol === "wss:";
  const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
  return {
    host,
    port: Number(url.port) || (secure ? 443 : 80),
    path: url.pathname + url.search,
    headers: { Host: url.host, ...headers },
    ...(secure ? { tls: { servername: host } } : {}),
  };
}
