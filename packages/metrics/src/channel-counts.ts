import { onEvent } from "@upwire/core";
import { refusals, type DropCode } from "@upwire/core/adapter";

/** A record, so that the compiler finds a code that is missing here. */
const drops: Readonly<Record<DropCode, true>> = {
  ERR_HANDSHAKE_TIMEOUT: true,
  ERR_TOO_MANY_HANDSHAKES: true,
  ERR_HEADER_TOO_BIG: true,
  ERR_REQUEST_TIMEOUT: true,
  ERR_BAD_REQUEST: true,
};

/** The codes of the counters below. */
export const refusalCodes: readonly string[] = Object.keys(refusals);
export const dropCodes: readonly string[] = Object.keys(drops);

/**
 * Counts what the diagnostics channels tell and no `stats` has: what is refused before a route is reached, what never becomes a
 * request, and errors of the application. None of these is on the way of a message.
 */
export class ChannelCounts {
  readonly refused: Record<string, number> = {};
  readonly dropped: Record<string, number> = {};
  errors = 0;
  readonly #undo = [
    onEvent("upwire:refused", ({ code }) => add(this.refused, code)),
    onEvent("upwire:dropped", ({ code }) => add(this.dropped, code)),
    onEvent("upwire:error", () => void this.errors++),
  ];

  stop(): void {
    for (const undo of this.#undo.splice(0)) undo();
  }
}

/** Any code of this process may publish on a channel: what is no code of ours must not fill the memory. */
function add(counts: Record<string, number>, code: string): void {
  const name = refusalCodes.includes(code) || dropCodes.includes(code) ? code : "other";
  counts[name] = (counts[name] ?? 0) + 1;
}
