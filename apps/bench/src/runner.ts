import { setTimeout as sleep } from "node:timers/promises";
import { catalogue, type Protocol } from "./catalogue.ts";
import type { Cell } from "./cells.ts";
import type { Figures, Job } from "./driver/job.ts";
import { isForGoClients, runGoClients } from "./go-clients.ts";
import { Driver, startServer, type Cores, type RunningServer, type ServerOptions } from "./processes.ts";

/** The rounds of every row that could be measured, by cell and row. */
export type Results = ReadonlyMap<string, ReadonlyMap<string, Figures[]>>;

export interface Plan {
  /** The cells to run, with their rows, in the order of the report. */
  readonly cells: ReadonlyMap<string, Cell>;
  /** For all cells; `undefined`: as many as each has, or 3. */
  readonly rounds: number | undefined;
  readonly cores: Cores;
  readonly nodeArguments?: readonly string[];
  /** Whether the clients in Go can run. */
  readonly hasGoClients: boolean;
  /** Says what was measured, and what failed. */
  readonly onStep: (step: Step) => void;
}

export interface Step {
  readonly cell: string;
  readonly row: string;
  readonly round: number;
  readonly done: number;
  readonly of: number;
  readonly figures?: Figures;
  readonly failure?: string;
}

/**
 * Rows take turns, and every second round goes backwards, so that what else the machine does falls on all of them. Each
 * measurement has a server process of its own.
 */
export async function run({ cells, rounds, cores, nodeArguments = [], hasGoClients, onStep }: Plan): Promise<Results> {
  const results = new Map([...cells].map(([name, cell]) => [name, new Map(cell.rows.map((row) => [row, [] as Figures[]]))]));
  const steps = [...stepsOf(cells, rounds)];
  const driver = new Driver(cores);
  const driveNode: Drive = (job) => driver.run(job);
  const driveGo: Drive = (job) => runGoClients(job, cores);
  try {
    for (const [done, { name, cell, row, round }] of steps.entries()) {
      const drive = hasGoClients && isForGoClients(cell) ? driveGo : driveNode;
      const step = { cell: name, row, round, done: done + 1, of: steps.length };
      try {
        const figures = await measureOnce(row, cell, drive, { cores, nodeArguments: [...(cell.nodeArguments ?? []), ...nodeArguments] });
        results.get(name)?.get(row)?.push(figures);
        onStep({ ...step, figures });
      } catch (error) {
        onStep({ ...step, failure: error instanceof Error ? error.message : String(error) });
      }
    }
  } finally {
    driver.stop();
  }
  return results;
}

type Drive = (job: Job) => Promise<Figures>;

const ROUNDS = 3;

function* stepsOf(cells: Plan["cells"], rounds: number | undefined): Generator<{ name: string; cell: Cell; row: string; round: number }> {
  const roundsOf = ({ rounds: own = ROUNDS, maxRounds = Infinity }: Cell): number => Math.min(rounds ?? own, maxRounds);
  const most = Math.max(...[...cells.values()].map(roundsOf));
  for (let round = 1; round <= most; round++) {
    for (const [name, cell] of cells) {
      if (round > roundsOf(cell)) continue;
      const rows = round % 2 === 1 ? cell.rows : cell.rows.toReversed();
      for (const row of rows) yield { name, cell, row, round };
    }
  }
}

async function measureOnce(row: string, cell: Cell, drive: Drive, options: ServerOptions): Promise<Figures> {
  const server = await startServer(row, cell.load, options);
  try {
    // Its start-up is no part of what it is measured for.
    await sleep(100);
    return await drive(jobFor(cell, catalogue[row]?.protocol ?? "websocket", server));
  } finally {
    await server.stop();
  }
}

function jobFor(cell: Cell, protocol: Protocol, { port, controlPort, pid }: RunningServer): Job {
  const { load, workload, clients, payloadBytes, rooms, warmUpMs, warmUpDeliveries, windowMs } = cell;
  const job = { port, controlPort, pid, protocol, deflate: load.deflate, workload, clients, payloadBytes, warmUpMs, warmUpDeliveries, windowMs };
  return rooms === undefined ? job : { ...job, rooms };
}
