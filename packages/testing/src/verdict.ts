/** `must`: an RFC says MUST, or nothing else makes sense. `strict`: good servers do it, the RFCs let others live. */
export type Level = "must" | "strict";

/** What a server did wrong in one row of a table. */
export interface Fault {
  readonly level: Level;
  readonly why: string;
}

/** The faults of one row. A fault is never worse than the row's own level. */
export class Verdict {
  readonly faults: Fault[] = [];
  readonly #level: Level;

  constructor(level: Level) {
    this.#level = level;
  }

  must(why: string): void {
    this.faults.push({ level: this.#level, why });
  }

  strict(why: string): void {
    this.faults.push({ level: "strict", why });
  }
}

/** @throws Error when `promise` takes longer. */
export async function inTime<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`the handshake was not answered within ${timeoutMs} ms`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
