import type { Row } from "./row.ts";
import { nodeRow } from "./upwire-node.ts";

/** As `upwire`, but messages refer to earlier ones. */
export const row: Row = nodeRow({ compression: { thresholdBytes: 0, sharedHistory: true } });
