import type { UpgraderOptions } from "@upwire/core";
import { wsReaders } from "@upwire/core/adapter";

/** Options for whose code reads the frames: ours, or the Receiver of `ws` as the control. */
export const readerOptions: Readonly<Record<"own" | "ws", Pick<UpgraderOptions, "readers">>> = { own: {}, ws: { readers: wsReaders() } };
