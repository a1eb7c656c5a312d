// What the command line and the environment ask `npm start` for.
import { demoNames, frameworks } from "./demos.mjs";

const usage = `npm start [-- ${demoNames.join(" | ")}] [--tls]`;

/** Something that only the user can put right; its message is one line that says how. */
export class SettingsError extends Error {
  name = "SettingsError";
}

/** @throws SettingsError */
export function readSettings(args, { PORT, HOST }) {
  const unknownFlag = args.find((arg) => arg.startsWith("-") && arg !== "--tls");
  if (unknownFlag !== undefined) throw new SettingsError(`Unknown option ${unknownFlag}. Usage: ${usage}`);
  const [name, ...rest] = args.filter((arg) => !arg.startsWith("-"));
  if (rest.length > 0) throw new SettingsError(`One demo at a time, or none for all. Usage: ${usage}`);
  if (name !== undefined && !demoNames.includes(name)) {
    throw new SettingsError(`There is no demo "${name}". Choose from: ${demoNames.join(", ")}`);
  }
  return { name, host: HOST || "127.0.0.1", port: readPort(PORT || "8080", name), withTls: args.includes("--tls") };
}

function readPort(text, name) {
  const highest = name === undefined ? 65535 - frameworks.length : 65535;
  const port = Number(text);
  if (/^\d{1,5}$/.test(text) && port <= highest) return port;
  throw new SettingsError(`PORT must be a whole number from 0 to ${highest}, not "${text}"`);
}
