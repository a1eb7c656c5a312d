import type { Mode } from "./api.ts";
import { crossRows } from "./rows/index.ts";

export interface CrossCell {
  readonly title: string;
  readonly mode: Mode;
  readonly inFlight: number;
  readonly rows: readonly string[];
}

const EVERY = Object.keys(crossRows);
const IN_FLIGHT = 1000;

/** Every cell by the name that `--only` takes. */
export const crossCells: Readonly<Record<string, CrossCell>> = {
  batched: { title: "64 B from one node to another, 1,000 in flight, many in one turn", mode: "batched", inFlight: IN_FLIGHT, rows: EVERY },
  single: { title: "64 B from one node to another, 1,000 in flight, one in each turn", mode: "single", inFlight: IN_FLIGHT, rows: EVERY },
  paced: { title: "64 B from one node to another, 1,000 messages/s", mode: "paced", inFlight: IN_FLIGHT, rows: EVERY },
};
