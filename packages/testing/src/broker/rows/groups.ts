import { counting } from "./counting.ts";
import { keys } from "./keys.ts";
import { life } from "./life.ts";
import { nodes } from "./nodes.ts";
import { publishing } from "./publishing.ts";
import { reading } from "./reading.ts";
import { refusing } from "./refusing.ts";
import type { Row } from "./row.ts";
import { severalNodes } from "./several-nodes.ts";
import { telling } from "./telling.ts";

/** Every MUST of the seam, by what it is about. */
export const groups: Readonly<Record<string, readonly Row[]>> = {
  publishing,
  history: reading,
  keys,
  life,
  refusing,
  "several nodes": severalNodes,
  nodes,
  telling,
  counting,
};
