import { wsReaders } from "@upwire/core/adapter";
import type { Row } from "./row.ts";
import { nodeRow } from "./upwire-node.ts";

/** As `upwire`, but `ws` reads the frames. */
export const row: Row = nodeRow({ readers: wsReaders() });
