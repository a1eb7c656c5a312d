import type { FuzzInput } from "./input.ts";
import type { Judge } from "./judge.ts";

/** How many inputs met one state of the connection, cut into packets in one manner. */
export interface StateCount {
  /** What the request before the upgrade leaves the connection in; "nothing" where there was none. */
  readonly state: string;
  readonly cut: string;
  readonly inputs: number;
  /** Of these, how many were let in by a 101 afterwards. */
  readonly upgraded: number;
}

/** Counts states, so that a report shows what was tried. */
export class Coverage {
  readonly #counts = new Map<string, StateCount>();
  /** Inputs that had something before the upgrade. */
  withSomethingBefore = 0;

  count(input: FuzzInput, { status }: Judge): void {
    const { story } = input;
    if (story !== undefined) this.withSomethingBefore++;
    const state = story?.state ?? "nothing";
    const cut = story?.cut ?? (input.writes.length > 1 ? "random cuts" : "one packet");
    const key = `${state}\n${cut}`;
    const { inputs = 0, upgraded = 0 } = this.#counts.get(key) ?? {};
    this.#counts.set(key, { state, cut, inputs: inputs + 1, upgraded: upgraded + (status === 101 ? 1 : 0) });
  }

  get states(): readonly StateCount[] {
    return [...this.#counts.values()];
  }
}

/** A table for people: a row for each state, a column for each manner of cutting, inputs and how many of them were let in. */
export function coverageTable(states: readonly StateCount[]): string {
  const columns = [...new Set(states.map(({ cut }) => cut))].toSorted();
  const rows = [...new Set(states.map(({ state }) => state))].toSorted();
  const cell = (state: string, cut: string): string => {
    const found = states.filter((count) => count.state === state && count.cut === cut);
    const sum = (field: "inputs" | "upgraded"): number => found.reduce((all, count) => all + count[field], 0);
    return found.length === 0 ? "-" : `${sum("inputs")}/${sum("upgraded")}`;
  };
  const line = (cells: readonly string[]): string => cells.map((text, at) => (at === 0 ? text.padEnd(28) : text.padStart(18))).join("");
  return [line(["before: inputs/let in", ...columns]), ...rows.map((state) => line([state, ...columns.map((cut) => cell(state, cut))]))].join("\n");
}
