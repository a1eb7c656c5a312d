import { atOnce } from "./at-once.ts";
import type { AttachmentSource, BrokerSource } from "./sources.ts";
import type { NamedSource } from "./options.ts";

/** Whether new clients should come to this process. */
export interface Readiness {
  /** `true`: they may come. */
  readonly ready: boolean;
  /** What keeps it from being ready, or would without `readyWithoutBroker`; one line each, empty when all is well. */
  readonly reasons: readonly string[];
}

interface Watched {
  readonly attachments: readonly NamedSource[];
  readonly brokers: readonly NamedSource[];
  readonly readyWithoutBroker: boolean;
}

/** Never throws: what cannot be asked is not ready. */
export function readinessOf({ attachments, brokers, readyWithoutBroker }: Watched): Readiness {
  const draining = reasons("attachment", attachments, (source) => ((source as AttachmentSource).isClosing ? "is shutting down" : undefined));
  const down = reasons("broker", brokers, (source) => (atOnce("state", (source as BrokerSource).state()) === "down" ? "is down" : undefined));
  return { ready: draining.length === 0 && (readyWithoutBroker || down.length === 0), reasons: [...draining, ...down] };
}

function reasons(kind: string, sources: readonly NamedSource[], problem: (source: unknown) => string | undefined): string[] {
  return sources.flatMap(({ name, source }) => {
    const found = safely(() => problem(source));
    return found === undefined ? [] : [`${kind} ${name} ${found}`];
  });
}

function safely(problem: () => string | undefined): string | undefined {
  try {
    return problem();
  } catch {
    return "cannot be asked";
  }
}
