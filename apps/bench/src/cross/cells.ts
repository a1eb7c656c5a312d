import type { Mode } from "./api.ts";
import { crossRows } from "./rows/index.ts";

export interface CrossCell {
  readonly title: string;
  readonly mode: Mode;
  readonly inFlight: number;
  readonly rows: readonly string[];
  /** The messages are of no interest to the subscriber: what it reads all the same is measured. */
  readonly isForeign?: true;
}

const EVERY = Object.keys(crossRows);
/** They have one topic, or none. */
const WITHOUT_TOPICS = ["raw-mesh", "cluster-ipc"];
const IN_FLIGHT = 1000;

/** Every cell by the name that `--only` takes. */
export const crossCells: Readonly<Record<string, CrossCell>> = {
  batched: { title: "64 B from one node to another, 1,000 in flight, many in one turn", mode: "batched", inFlight: IN_FLIGHT, rows: EVERY },
  single: { title: "64 B from one node to another, 1,000 in flight, one in each turn", mode: "single", inFlight: IN_FLIGHT, rows: EVERY },
  paced: { title: "64 B from one node to another, 1,000 messages/s", mode: "paced", inFlight: IN_FLIGHT, rows: EVERY },
  interest: {
    title: "64 B in a topic without members on the other node, 1,000 messages/s: bytes that the other node reads for each",
    mode: "paced",
    inFlight: IN_FLIGHT,
    rows: EVERY.filter((row) => !WITHOUT_TOPICS.includes(row)),
    isForeign: true,
  },
};
