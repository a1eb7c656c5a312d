import { parseArgs } from "node:util";
import { catalogue } from "./catalogue.ts";
import { cells } from "./cells.ts";

export interface Arguments {
  readonly quick: boolean;
  readonly check: boolean;
  readonly rounds: number | undefined;
  readonly only: readonly string[] | undefined;
  readonly rows: readonly string[] | undefined;
  readonly json: string | undefined;
  readonly svg: string | undefined;
  /** Arguments of Node for the servers, such as `--cpu-prof --cpu-prof-dir=DIR`. */
  readonly nodeArguments: readonly string[];
}

export const usage: string = `npm run bench -- [options]

  --quick            a choice of cells and rows, in less than two minutes
  --check            a few cells; exits with 1 on disorder, loss or a gross ratio
  --only CELL,CELL   ${Object.keys(cells).join(" ")}
  --rows ROW,ROW     ${Object.keys(catalogue).join(" ")}
  --rounds N         how often each row is measured (default 3, with --quick 1)
  --json PATH        every figure of every round
  --svg PATH         the chart of the README
  --node ARGUMENT    for the server processes, such as --node=--cpu-prof; may be repeated
`;

/** @throws TypeError for what is not understood. */
export function readArguments(args: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: "boolean", default: false },
      check: { type: "boolean", default: false },
      rounds: { type: "string" },
      only: { type: "string" },
      rows: { type: "string" },
      json: { type: "string" },
      svg: { type: "string" },
      node: { type: "string", multiple: true, default: [] },
    },
  });
  return {
    quick: values.quick,
    check: values.check,
    rounds: roundsIn(values.rounds),
    only: namesIn(values.only, cells, "cell"),
    rows: namesIn(values.rows, catalogue, "row"),
    json: values.json,
    svg: values.svg,
    nodeArguments: values.node,
  };
}

function roundsIn(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const rounds = Number(text);
  if (!Number.isInteger(rounds) || rounds < 1) throw new TypeError(`--rounds ${text} is no number of rounds`);
  return rounds;
}

function namesIn(list: string | undefined, known: Readonly<Record<string, unknown>>, what: string): string[] | undefined {
  const names = list?.split(",").map((name) => name.trim());
  const unknown = names?.find((name) => !Object.hasOwn(known, name));
  if (unknown !== undefined) throw new TypeError(`there is no ${what} "${unknown}"; there are: ${Object.keys(known).join(", ")}`);
  return names;
}
