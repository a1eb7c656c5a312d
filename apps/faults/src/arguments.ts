import { parseArgs } from "node:util";

export interface Arguments {
  readonly rounds: number;
  readonly messages: number;
  readonly seed: number;
  readonly only: readonly string[];
  readonly json: string | undefined;
}

export function usage(names: readonly string[]): string {
  return `npm run faults -- [options]

  --rounds N         how often each scenario is played, each time with other moments (default 1)
  --only NAME,NAME   ${names.join(" ")}
  --messages N       acknowledged publications in each round, of all topics (default 10000)
  --seed S           a whole number: the moments of faults follow from it and the number of the round (default: of the time)
  --json PATH        every figure
`;
}

/** @throws TypeError for what is not understood. */
export function readArguments(args: readonly string[], names: readonly string[]): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      rounds: { type: "string", default: "1" },
      messages: { type: "string", default: "10000" },
      seed: { type: "string", default: String(Date.now() % 1_000_000) },
      only: { type: "string" },
      json: { type: "string" },
    },
  });
  const only = values.only?.split(",").map((name) => name.trim()) ?? names;
  const unknown = only.find((name) => !names.includes(name));
  if (unknown !== undefined) throw new TypeError(`--only: there is no scenario "${unknown}"; there are: ${names.join(", ")}`);
  return {
    rounds: wholeNumber("--rounds", values.rounds),
    messages: wholeNumber("--messages", values.messages),
    seed: wholeNumber("--seed", values.seed),
    only,
    json: values.json,
  };
}

function wholeNumber(name: string, text: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 1) throw new TypeError(`${name} ${text} is not allowed; give a whole number from 1 on`);
  return value;
}
