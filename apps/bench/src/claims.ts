import type { Figures } from "./driver/job.ts";
import type { Results } from "./runner.ts";
import { medianOf, shareOf } from "./stats.ts";

/**
 * What is stated for upwire. `factor`: how many times less than the other row, at least. `share`: of the other row, at most;
 * `byRound` compares within each round. `above`: so much more than the other row, at most. `most`: whatever the other has.
 */
export interface Claim {
  readonly cell: string;
  readonly figure: keyof Figures;
  readonly row: string;
  readonly against: string;
  readonly factor?: number;
  readonly share?: number;
  readonly byRound?: true;
  readonly above?: number;
  readonly most?: number;
}

export interface Verdict {
  readonly claim: Claim;
  readonly measured: number;
  readonly holds: boolean;
  /** Not even half of it: no noise explains that. */
  readonly isGrosslyWrong: boolean;
}

type Limit = Pick<Claim, "factor" | "share" | "byRound" | "most">;

function cpu(cell: string, against: string, limit: Limit, row = "upwire"): Claim {
  return { cell, figure: "cpuUs", row, against, ...limit };
}

const ADAPTERS = ["express", "fastify", "hono", "koa", "fastify-websocket", "hono-node-ws"].map((name) => `upwire-${name}`);
/** What two measurements of the same thing may differ by. */
const NOISE = 1.25;

const claims: readonly Claim[] = [
  cpu("b64", "ws", { factor: 50 }),
  cpu("b64", "socketio", { factor: 80 }),
  cpu("b64", "gorilla", { factor: 40 }),
  cpu("b64", "gorilla-glued", { factor: 10 }),
  cpu("b64", "raw-net-joined", { share: 1 / 0.9 }),
  { cell: "b64", figure: "p99Ms", row: "upwire", against: "ws", factor: 20 },
  cpu("b16", "ws", { factor: 15 }),
  cpu("b16", "socketio", { factor: 25 }),
  cpu("b16", "raw-net-joined", { share: 1 / 0.95 }),
  cpu("b16-10k", "ws", { factor: 18 }),
  cpu("b1", "ws", { share: 1 }),
  { cell: "b1", figure: "userUs", row: "upwire", against: "ws", share: 0.75 },
  { cell: "r25", figure: "p50Ms", row: "upwire", against: "ws-framed", share: 1.05 },
  cpu("z16", "ws", { factor: 80 }),
  cpu("z1", "ws", { factor: 5 }),
  { cell: "z-idle", figure: "bytesPerConnection", row: "upwire", against: "ws", share: 16 / 230 },
  { cell: "idle", figure: "bytesPerConnection", row: "upwire", against: "ws", share: 0.8 },
  cpu("connect", "ws", { share: 0.9 }),
  ...["upwire-fastify", "upwire-koa", "upwire-hono"].map((row) => cpu("connect", "ws", { share: 1.25 }, row)),
  cpu("connect", "ws", { share: 1.7 }, "upwire-express"),
  cpu("echo32", "ws", { factor: 15 }),
  cpu("echo1", "ws", { factor: 1.15 }),
  { cell: "stopped", figure: "rssGrowthMb", row: "upwire", against: "ws", share: 0.5 },
  { cell: "stopped", figure: "p99Ms", row: "upwire", against: "ws", share: 0.6 },
  ...Object.entries({ topic1: 1.05, topic16: 1.1, topic64: 1.15 }).map(([cell, share]) => cpu(cell, "frames", { share, byRound: true }, "topic")),
  cpu("topic64", "socketio-recovery", { factor: 40 }, "topic"),
  cpu("resume", "", { most: 100 }, "topic"),
  cpu("resume", "socketio-recovery", { factor: 50 }, "topic"),
  { cell: "v1-idle", figure: "heapPerConnection", row: "topic", against: "plain", above: 1024 },
  ...ADAPTERS.map((row) => cpu("b64", "upwire", { share: NOISE }, row)),
];

/** The claims for which both rows were measured. */
export function judge(results: Results): Verdict[] {
  return claims.flatMap((claim) => {
    const measured = measuredOf(claim, results);
    if (measured === undefined) return [];
    const { factor } = claim;
    if (factor !== undefined) return [{ claim, measured, holds: measured >= factor, isGrosslyWrong: measured < factor / 2 }];
    const limit = claim.above ?? claim.most ?? claim.share ?? 1;
    return [{ claim, measured, holds: measured <= limit, isGrosslyWrong: measured > limit * 2 }];
  });
}

function measuredOf({ cell, figure, row, against, factor, byRound, above, most }: Claim, results: Results): number | undefined {
  const rows = results.get(cell);
  const rounds = rows?.get(row) ?? [];
  const others = rows?.get(against) ?? [];
  const ours = medianOf(rounds, figure);
  if (most !== undefined) return ours;
  if (byRound) return shareOf(rounds, others, figure);
  const theirs = medianOf(others, figure);
  if (ours === undefined || theirs === undefined) return undefined;
  if (above !== undefined) return ours - theirs;
  return factor === undefined ? ours / theirs : theirs / ours;
}
