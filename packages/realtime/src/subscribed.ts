import type { SubscribeResult } from "./topics/opening.ts";

/** The payload of a reply to a subscribe, and of `upwire.subscribed`: JSON. */
export function subscribedText({ position, after, resumed, state }: SubscribeResult): string {
  const place = position === undefined ? "" : `"epoch":${JSON.stringify(position.epoch)},"offset":${position.offset},"after":${after},`;
  const stateMember = state === undefined ? "" : `,"state":${state}`;
  return `{${place}"resumed":${resumed}${stateMember}}`;
}
