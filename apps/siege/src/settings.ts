import { parseArgs } from "node:util";
import type { SiegeSettings } from "./scenario.ts";

export interface Settings extends SiegeSettings {
  /** Names of scenarios. */
  readonly only: readonly string[];
  readonly variants: readonly string[];
  /** Where the figures are written to. */
  readonly json: string | undefined;
}

/** Something that only the user can put right; its message is one line that says how. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

const usage = "npm run siege -- [--only stalled,bomb] [--variants node,koa] [--full] [--soak-minutes 10] [--json FILE]";

/** @throws SettingsError */
export function readSettings(args: readonly string[], known: { readonly scenarios: readonly string[]; readonly variants: readonly string[] }): Settings {
  const values = parse(args);
  const { full } = values;
  const soakMinutes = Number(values["soak-minutes"] ?? (full ? 10 : 0.3));
  if (!(soakMinutes >= 0)) throw new SettingsError(`--soak-minutes is a number. Usage: ${usage}`);
  return {
    full,
    soakMinutes,
    only: pick("scenario", values.only, known.scenarios),
    variants: pick("variant", values.variants, known.variants),
    json: values.json,
  };
}

function parse(args: readonly string[]): { full: boolean; only?: string; variants?: string; json?: string; "soak-minutes"?: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      options: {
        only: { type: "string" },
        variants: { type: "string" },
        full: { type: "boolean", default: false },
        "soak-minutes": { type: "string" },
        json: { type: "string" },
      },
    });
    return values;
  } catch (error) {
    throw new SettingsError(`${(error as Error).message}\nUsage: ${usage}`, { cause: error });
  }
}

function pick(what: string, wanted: string | undefined, known: readonly string[]): readonly string[] {
  const names = wanted?.split(",") ?? known;
  const unknown = names.find((name) => !known.includes(name));
  if (unknown !== undefined) throw new SettingsError(`There is no ${what} "${unknown}". Choose from: ${known.join(", ")}`);
  return names;
}
