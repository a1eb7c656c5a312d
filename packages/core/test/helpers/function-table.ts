import { setImmediate as turn } from "node:timers/promises";
import { functionFaults, type FunctionFault } from "@upwire/testing";
import { describe, expect, it } from "vitest";
import { noteUncaught } from "../../../testing/src/note-uncaught.ts";
import { functionMembers } from "./function-members.ts";

/** Played in the suite of every adapter; why it is not played; or what is right when the function goes wrong in that way. */
export type FunctionRow = "suite" | `not: ${string}` | ((fault: FunctionFault, run: () => never) => Promise<void>);

export interface FunctionTable {
  /** Whose functions they are. */
  readonly subject: string;
  /** What the declarations show, by name. */
  readonly rows: Readonly<Record<string, FunctionRow>>;
  /** What no declaration shows, by name. */
  readonly unseen: Readonly<Record<string, FunctionRow>>;
  /** Where the declarations are. @default those of core */
  readonly scope?: Parameters<typeof functionMembers>[0];
}

/** Plays every row with every fault, and sees that no declared function lacks a row, and that nothing goes uncaught. */
export function playFunctionTable({ subject, rows, unseen, scope }: FunctionTable): void {
  const faults = Object.keys(functionFaults) as FunctionFault[];
  const all = Object.entries({ ...rows, ...unseen });
  const uncaught = noteUncaught();
  let cells = 0;

  it("has a row for every function that the declarations let an application give", () => {
    expect(Object.keys(rows).toSorted()).toEqual(functionMembers(scope));
  });

  describe("an application's function that goes wrong", () => {
    for (const [name, row] of all) {
      if (typeof row === "string") continue;
      // oxlint-disable-next-line vitest/valid-title -- a name of the tables
      it.each(faults)(`${name} %s`, async (fault) => {
        cells++;
        await row(fault, functionFaults[fault] as () => never);
        await turn();
        expect(uncaught.splice(0)).toEqual([]);
      });
    }

    it("prints how many were played", () => {
      console.log(`functions of ${subject}: ${Object.keys(rows).length} declared, ${Object.keys(unseen).length} that no type shows, ${cells} cells`);
      expect(cells).toBe(all.filter(([, row]) => typeof row !== "string").length * faults.length);
    });
  });
}
