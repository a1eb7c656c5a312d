import { kinds, readOptions, wholeNumber, type Kind, type OptionKinds } from "@upwire/core/adapter";
import { isBroker } from "../broker/is-broker.ts";
import { MAX_KEEP_MS } from "../broker/checks.ts";
import type { AskOptions, CastsOptions } from "./types.ts";

/** A shorter time is over before a silent node could be asked. Milliseconds. */
const MIN_TIMEOUT_MS = 200;

/** For options that want a broker. */
export const aBroker: Kind = {
  right: "a broker, such as meshBroker() or a part of shareBroker(broker)",
  fits: isBroker,
};

/** For options that say how long silent nodes are waited for. */
export const aTimeout: Kind = wholeNumber(MIN_TIMEOUT_MS);

const { callback, clock } = kinds;
const castsKinds: OptionKinds<CastsOptions> = {
  broker: aBroker,
  clock,
  deliver: callback,
  answer: callback,
  report: callback,
  gap: callback,
  state: callback,
  timeoutMs: aTimeout,
  lingerMs: wholeNumber(0),
  maxPending: wholeNumber(1),
};

const askKinds: OptionKinds<AskOptions> = { keepMs: wholeNumber(0, MAX_KEEP_MS), timeoutMs: wholeNumber(1), until: callback };

/** @throws TypeError for options that cannot be meant. */
export function readAskOptions(given: AskOptions | undefined): AskOptions {
  return readOptions<AskOptions>("ask", given, askKinds);
}

/** @throws TypeError for options that cannot be meant, or are missing. */
export function readCastsOptions(given: CastsOptions): CastsOptions {
  const options = readOptions<CastsOptions>("Casts", given, castsKinds);
  for (const name of ["broker", "clock", "deliver", "answer", "report"] as const) {
    if (options[name] === undefined) throw new TypeError(`Casts: ${name} is missing; give ${castsKinds[name].right}`);
  }
  return options;
}
