// What the command line and the environment ask `npm start` for.
import { parseArgs } from "node:util";
import { demoNames, frameworks } from "./demos.mjs";

const usage = `npm start [-- ${demoNames.join(" | ")}] [--tls] [--workers N]`;
const MOST_WORKERS = 64;

/** Something that only the user can put right; its message is one line that says how. */
export class SettingsError extends Error {
  name = "SettingsError";
}

/** @throws SettingsError */
export function readSettings(args, { PORT, HOST }) {
  const { values, positionals } = parse(args);
  const [name, ...rest] = positionals;
  if (rest.length > 0) throw new SettingsError(`One demo at a time, or none for all. Usage: ${usage}`);
  if (name !== undefined && !demoNames.includes(name)) {
    throw new SettingsError(`There is no demo "${name}". Choose from: ${demoNames.join(", ")}`);
  }
  const workers = readWorkers(values.workers);
  return { name, host: HOST || "127.0.0.1", port: readPort(PORT || "8080", name), withTls: values.tls, workers };
}

function parse(args) {
  const options = { tls: { type: "boolean", default: false }, workers: { type: "string", default: "1" } };
  // Not strict, so that what is wrong is said in our own words.
  const parsed = parseArgs({ args, options, strict: false, allowPositionals: true, tokens: true });
  const unknown = parsed.tokens.find(({ kind, name }) => kind === "option" && !Object.hasOwn(options, name));
  if (unknown !== undefined) throw new SettingsError(`Unknown option ${unknown.rawName}. Usage: ${usage}`);
  return parsed;
}

function readWorkers(text) {
  const workers = Number(text);
  if (/^\d{1,2}$/.test(text) && workers >= 1 && workers <= MOST_WORKERS) return workers;
  const given = typeof text === "string" ? `"${text}"` : "left out";
  throw new SettingsError(`--workers must be a whole number from 1 to ${MOST_WORKERS}, not ${given}. Usage: ${usage}`);
}

function readPort(text, name) {
  const highest = name === undefined ? 65535 - frameworks.length : 65535;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= highest) return port;
  throw new SettingsError(`PORT must be a whole number from 0 to ${highest}, not "${text}"`);
}
