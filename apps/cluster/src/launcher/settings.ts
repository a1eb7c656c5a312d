// What the command line and the environment ask `npm run cluster` for.
import { parseArgs } from "node:util";

export const brokers = ["mesh", "redis"] as const;
export const proxies = ["none", "nginx", "haproxy"] as const;

export type BrokerKind = (typeof brokers)[number];
export type ProxyKind = (typeof proxies)[number];

export interface Settings {
  readonly broker: BrokerKind;
  readonly proxy: ProxyKind;
  /** Of the one address that a browser opens; 0 takes a free one. */
  readonly port: number;
}

/** What only the user can put right; its message is one line that says how. */
export class SettingsError extends Error {
  override readonly name = "SettingsError";
}

const USAGE = `npm run cluster -- --broker ${brokers.join("|")} --proxy ${proxies.join("|")}`;

/** @throws SettingsError */
export function readSettings(args: readonly string[], { PORT = "0" }: NodeJS.ProcessEnv): Settings {
  const { broker, proxy } = readFlags(args);
  if (!/^\d{1,5}$/.test(PORT) || Number(PORT) > 65_535) throw new SettingsError(`PORT must be a whole number from 0 to 65535, not "${PORT}"`);
  return { broker: oneOf("--broker", broker, brokers), proxy: oneOf("--proxy", proxy, proxies), port: Number(PORT) };
}

function readFlags(args: readonly string[]): { readonly broker: string; readonly proxy: string } {
  try {
    const options = { broker: { type: "string", default: brokers[0] }, proxy: { type: "string", default: proxies[0] } } as const;
    return parseArgs({ args: [...args], options }).values;
  } catch (error) {
    throw new SettingsError(`${(error as Error).message.split(/[.;] /)[0]}. Usage: ${USAGE}`);
  }
}

function oneOf<Kind extends string>(flag: string, given: string, kinds: readonly Kind[]): Kind {
  const kind = kinds.find((name) => name === given);
  if (kind === undefined) throw new SettingsError(`${flag} must be one of ${kinds.join(", ")}, not "${given}"`);
  return kind;
}
