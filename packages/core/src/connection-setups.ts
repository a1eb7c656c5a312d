import type { Counters } from "./counters.ts";
import { Flusher } from "./flusher.ts";
import type { Heartbeat } from "./heartbeat.ts";
import type { EngineSetup } from "./native-engine.ts";
import type { ResolvedOptions } from "./options.ts";
import { sendSetup } from "./send-setup.ts";
import type { SessionSetup } from "./session-setup.ts";

export interface ConnectionSetup {
  readonly engine: EngineSetup;
  readonly session: SessionSetup;
}

/** What the connections of one Upgrader share: once for handlers that take whole messages, and once for those that take streams. */
export class ConnectionSetups {
  readonly whole: ConnectionSetup;
  readonly streaming: ConnectionSetup;

  constructor(
    { limits, compression, readers, clock, maxBatchDelayMs }: Pick<ResolvedOptions<unknown, unknown>, "limits" | "compression" | "readers" | "clock" | "maxBatchDelayMs">,
    heartbeat: Heartbeat,
    counters: Counters,
    report: SessionSetup["report"],
  ) {
    const flusher = new Flusher(clock, maxBatchDelayMs);
    const engine = { ...sendSetup(limits, flusher, counters, () => heartbeat.now), limits, compression };
    const session = { limits, heartbeat, counters, clock, report };
    this.whole = { engine: { ...engine, reader: readers.whole, streams: false }, session: { ...session, streams: false } };
    this.streaming = {
      engine: { ...engine, reader: readers.streaming, streams: true },
      // What is begun and not complete has its own deadline.
      session: { ...session, streams: true, limits: { ...limits, messageTimeoutMs: limits.streamTimeoutMs } },
    };
  }
}
