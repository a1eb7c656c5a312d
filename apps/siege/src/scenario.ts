import { serveGoodClient } from "./crowd.ts";
import { ServerProcess } from "./server-process.ts";
import type { ServerOptions } from "./server-api.ts";

/** What is measured against: at most, at least, or exactly this much. */
interface Bound {
  readonly kind: "<=" | ">=" | "=";
  readonly value: number;
}

/** One figure of one variant. */
export interface Row {
  readonly scenario: string;
  readonly variant: string;
  readonly figure: string;
  readonly value: number;
  readonly unit: string;
  /** What the value is made of, where that says more. */
  readonly note: string;
  /** Absent for what is only told, such as the figures of others. */
  readonly bound: Bound | undefined;
  readonly ok: boolean;
}

export interface SiegeSettings {
  /** The figures of the specification, and not a scaled-down run. */
  readonly full: boolean;
  readonly soakMinutes: number;
}

export interface Scenario {
  readonly name: string;
  /** One line: what is done to the server, in these numbers. */
  about(settings: SiegeSettings): string;
  /** Whether variants may be attacked at the same time: where most of it is waiting for a deadline. */
  together(settings: SiegeSettings): boolean;
  /** Names of controls that are attacked, too, for comparison. */
  readonly controls?: readonly string[];
  run(attack: Attack): Promise<void>;
}

export const MB: number = 1024 * 1024;

/** One scenario against one variant: its servers, and the rows that come of it. */
export class Attack {
  readonly variant: string;
  readonly settings: SiegeSettings;
  /** Controls are measured and not judged. */
  readonly isControl: boolean;
  readonly rows: Row[] = [];
  readonly #scenario: string;
  readonly #servers: ServerProcess[] = [];

  constructor(scenario: string, variant: string, settings: SiegeSettings, isControl: boolean) {
    this.#scenario = scenario;
    this.variant = variant;
    this.settings = settings;
    this.isControl = isControl;
  }

  async start(options?: ServerOptions): Promise<ServerProcess> {
    const server = await ServerProcess.start(this.variant, options);
    this.#servers.push(server);
    return server;
  }

  atMost(figure: string, value: number, most: number, unit = "", note = ""): void {
    this.#add({ figure, value, unit, note, bound: { kind: "<=", value: most }, ok: value <= most });
  }

  atLeast(figure: string, value: number, least: number, unit = "", note = ""): void {
    this.#add({ figure, value, unit, note, bound: { kind: ">=", value: least }, ok: value >= least });
  }

  exactly(figure: string, value: number, wanted: number, note = ""): void {
    this.#add({ figure, value, unit: "", note, bound: { kind: "=", value: wanted }, ok: value === wanted });
  }

  /** Without a bound. */
  tell(figure: string, value: number, unit = "", note = ""): void {
    this.#add({ figure, value, unit, note, bound: undefined, ok: true });
  }

  /** What has to hold after every attack: the process lives, nothing went past its handlers, and a client is served. */
  async judgeHealth(...servers: readonly ServerProcess[]): Promise<void> {
    if (this.isControl) return;
    const stats = await Promise.all(servers.map((server) => server.stats(false)));
    const faults = stats.flatMap((each) => each.faults);
    this.exactly("uncaught errors", faults.length, 0, faults[0]);
    const failures = await Promise.all(
      servers.map(({ port }) =>
        serveGoodClient(port).then(
          () => [],
          (error: Error) => [error.message],
        ),
      ),
    );
    this.exactly("good client not served after", failures.flat().length, 0, failures.flat()[0]);
  }

  /** Runs `scenario`; what it throws is a failure of the variant, since the scenario itself expects nothing of it. */
  async run(scenario: Scenario): Promise<readonly Row[]> {
    try {
      await scenario.run(this);
    } catch (error) {
      this.#add({ figure: "ended early", value: 1, unit: "", note: (error as Error).message, bound: { kind: "=", value: 0 }, ok: this.isControl });
    }
    await Promise.all(this.#servers.map((server) => server.stop()));
    return this.rows;
  }

  #add(row: Omit<Row, "scenario" | "variant">): void {
    const judged = this.isControl ? { ...row, bound: undefined, ok: true } : row;
    this.rows.push({ scenario: this.#scenario, variant: this.variant, ...judged });
  }
}
