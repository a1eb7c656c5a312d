import { inspect } from "node:util";

/** What a run found wrong, and what happened before. */
export class ModelFault extends Error {
  /** Which rule was broken. */
  readonly rule: Rule;

  constructor(rule: Rule, message: string, journal: Journal) {
    super(`${rule}: ${message}\n${journal.tail()}`);
    this.name = "ModelFault";
    this.rule = rule;
  }
}

export type Rule =
  | "lost"
  | "doubled"
  | "out of order"
  | "wrong content"
  | "wrong gap"
  | "resume refused"
  | "resume false"
  | "state too old"
  | "reply missing"
  | "reply wrong"
  | "published twice"
  | "published never"
  | "not subscribed"
  | "closed without cause"
  | "error of the server";

const KEPT = 60;

/** The last things that happened, for whoever has to find a fault. */
export class Journal {
  readonly #lines: string[] = [];
  readonly #faults: unknown[] = [];
  step = 0;

  /** Prints what is noted and matches, frames too: to look for a fault. */
  readonly trace: RegExp | undefined = process.env["MODEL_TRACE"] === undefined ? undefined : new RegExp(process.env["MODEL_TRACE"], "u");

  note(line: string): void {
    if (this.trace?.test(line) === true) console.log(`TRACE ${this.step} ${line}`);
    this.#lines.push(`${this.step} ${line}`);
    if (this.#lines.length > 2 * KEPT) this.#lines.splice(0, KEPT);
  }

  /** Something that must never happen did, where nothing waits for it. */
  fault(error: unknown): void {
    this.#faults.push(error);
  }

  /** @throws ModelFault if it did. */
  check(): void {
    const [first] = this.#faults.splice(0);
    if (first instanceof ModelFault) throw first;
    if (first !== undefined) this.fail("error of the server", inspect(first));
  }

  tail(): string {
    return this.#lines.slice(-KEPT).join("\n");
  }

  fail(rule: Rule, message: string): never {
    throw new ModelFault(rule, message, this);
  }
}

/** What a run went through: a run that saw none of something proves nothing about it. */
export class Counts {
  published = 0;
  delivered = 0;
  dropped = 0;
  ignored = 0;
  /** Resumes that had to succeed, and did. */
  resumed = 0;
  /** Those of them with something to replay. */
  replayed = 0;
  /** Subscribes with a position that could not be complete. */
  refused = 0;
  foreignEpochs = 0;
  states = 0;
  gaps = 0;
  gapsWithState = 0;
  gapsWithoutHistory = 0;
  unsubscribes = 0;
  keyedRetries = 0;
  unavailable = 0;
  slow = 0;
  closedSlow = 0;
  cuts = 0;
  cutsInMidFrame = 0;
  /** Connections that a bad network broke, over TCP. */
  broken = 0;
  restarts = 0;
  kills = 0;
  settled = 0;
  /** Publications while a resume was under way. */
  publishedInResume = 0;
}
